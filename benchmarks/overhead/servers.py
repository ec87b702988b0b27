"""The servers that are measured, each a process of its own on a free port of loopback."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

CACHE = Path(".cache/bench")
_LITELLM = "litellm[proxy]"
_HOOK = """\
from litellm.integrations.custom_guardrail import CustomGuardrail


class Cheapest(CustomGuardrail):
    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        return data
"""


@contextlib.contextmanager
def upstream() -> Iterator[str]:
    """The bare upstream."""
    with server([sys.executable, str(Path(__file__).with_name("upstream.py")), "{port}"]) as base:
        yield base


@contextlib.contextmanager
def normguard(target: str, *flags: str, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """This proxy in front of `target`, with further flags of ``normguard serve`` and settings in the environment."""
    command = [sys.executable, "-m", "guard", "serve", "--port", "{port}", "--upstream", f"{target}/v1", *flags]
    with (
        tempfile.TemporaryDirectory() as state,  # decisions are kept there unless told otherwise
        server(command, environment={"XDG_STATE_HOME": state, **(environment or {})}, ready="/readyz") as base,
    ):
        yield base


@contextlib.contextmanager
def litellm(command: Path, target: str, *, hook: bool = False) -> Iterator[str]:
    """The LiteLLM proxy in front of `target`; with `hook` a guardrail of its own kind is on that does nothing."""
    with server(_litellm_command(command, target, hook=hook), ready="/health/liveliness") as base:
        yield base


@contextlib.contextmanager
def server(command: Sequence[str], *, ready: str = "/", environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """A server process on a free port, ended afterwards; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = CACHE / f"server-{port}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [part.format(port=port) for part in command],
            stdout=sink,
            stderr=sink,
            env={**_environment(), **(environment or {})},
        )
    try:
        _await(f"http://127.0.0.1:{port}{ready}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        if process.poll() is None:
            process.kill()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NORMGUARD_", "LITELLM_"))}
    litellm = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_MODE": "PRODUCTION",
        # Without keys to check it is at its fastest; it listens on loopback only.
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    return {**kept, **litellm}


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"the server at {url} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def find_litellm(console: Console) -> Path | None:
    """The LiteLLM proxy's command in an environment of its own, installed on first use; None where that fails."""
    command = CACHE / "litellm" / "bin" / "litellm"
    if command.exists():
        return command.resolve()
    console.print(f"Installing {_LITELLM} into {CACHE / 'litellm'} (once) ...")
    try:
        venv.create(CACHE / "litellm", with_pip=True)
        pip = [str(CACHE / "litellm" / "bin" / "python"), "-m", "pip", "install", "--quiet", _LITELLM]
        subprocess.run(pip, check=True, timeout=900)
    except (subprocess.SubprocessError, OSError) as error:
        console.print(f"[red]LiteLLM cannot be installed ({error}); going on without it.[/]")
        return None
    return command.resolve()


def _litellm_command(command: Path, target: str, *, hook: bool) -> list[str]:
    folder = CACHE / ("litellm-hook" if hook else "litellm-plain")
    folder.mkdir(parents=True, exist_ok=True)
    model = {"model": "openai/bench", "api_base": f"{target}/v1", "api_key": "sk-bench"}
    config: dict[str, object] = {"model_list": [{"model_name": "bench", "litellm_params": model}]}
    if hook:
        (folder / "cheapest.py").write_text(_HOOK, encoding="utf-8")
        params = {"guardrail": "cheapest.Cheapest", "mode": "pre_call", "default_on": True}
        config["guardrails"] = [{"guardrail_name": "cheapest", "litellm_params": params}]
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    path = str((folder / "config.yaml").resolve())
    return [str(command), "--config", path, "--host", "127.0.0.1", "--port", "{port}", "--num_workers", "1"]
