FROM python:3.12-slim

RUN useradd --create-home --uid 10001 normguard
WORKDIR /app
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY guard ./guard
COPY models ./models
COPY policies ./policies
COPY benchmarks ./benchmarks
COPY training ./training
RUN pip install --no-cache-dir '.[production]'

USER normguard
ENV NORMGUARD_HOST=0.0.0.0 NORMGUARD_PORT=8017
EXPOSE 8017
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['NORMGUARD_PORT'] + '/healthz', timeout=2)"]
# 0.0.0.0 is a public address: give NORMGUARD_KEYS, or NORMGUARD_ALLOW_ANONYMOUS=true where something else keeps strangers out.
CMD ["normguard", "serve"]
