# make demo · make test: each sets up what it needs, the second time in seconds.
# make test EXTRAS=dev,train,vision-export also runs what takes torch; make unit TESTS=tests/cli runs some.
PYTHON ?= python3
EXTRAS ?= dev
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.$(EXTRAS)

.PHONY: demo ready test unit lint format clean

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv --upgrade-deps $(VENV)  # a pip of today installs in a third of the time

$(VENV)/.%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[$*]'
	touch $@

demo: $(VENV)/.demo
	$(BIN)/normguard demo

ready: $(READY)

test: lint unit

unit: $(READY)
	$(BIN)/pytest --numprocesses logical --dist loadfile $(TESTS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
