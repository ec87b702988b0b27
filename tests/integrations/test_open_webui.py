"""The filter function, loaded and run by Open WebUI's own code.

Open WebUI as a whole does not fit into a test environment; its loader of functions and its pipeline of filters do. They
are taken from the package as it is; what they import of its database and its settings is stood in for.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from guard import Guard
from tests.samples import CLOCK, HARMLESS

FILTER = Path(__file__).parents[2] / "guard" / "integrations" / "open_webui.py"
WHEELS = sorted(Path(os.environ.get("OPEN_WEBUI_WHEEL", "/nonexistent")).glob("open_webui*.whl"))

pytestmark = pytest.mark.skipif(not WHEELS, reason="OPEN_WEBUI_WHEEL is not set; see scripts/test-integrations")


@pytest.fixture(scope="module")
def open_webui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("open_webui")
    with zipfile.ZipFile(WHEELS[-1]) as wheel:
        for name in ("filter", "plugin"):
            wheel.extract(f"open_webui/utils/{name}.py", folder)

    class Anything(types.ModuleType):
        def __getattr__(self, name: str) -> Any:
            return True if name == "ENABLE_FUNCTIONS" else "" if name.isupper() else types.SimpleNamespace()

    with pytest.MonkeyPatch.context() as patch:
        for name in ("open_webui", "open_webui.env", "open_webui.models", "open_webui.utils"):
            patch.setitem(sys.modules, name, Anything(name))
        for name in ("open_webui.models.functions", "open_webui.models.tools"):
            patch.setitem(sys.modules, name, Anything(name))
        for name in ("plugin", "filter"):
            path = folder / "open_webui" / "utils" / f"{name}.py"
            spec = importlib.util.spec_from_file_location(f"open_webui.utils.{name}", path)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            patch.setitem(sys.modules, f"open_webui.utils.{name}", module)
            spec.loader.exec_module(module)
        yield sys.modules["open_webui.utils.filter"]


async def run(open_webui: Any, valves: dict[str, Any], text: str) -> dict[str, Any]:
    """A chat through Open WebUI's pipeline with our filter as the only function."""
    plugin = sys.modules["open_webui.utils.plugin"]
    instance, kind, *_ = await _maybe(plugin.load_function_module_by_id("normguard", content=FILTER.read_text()))
    assert kind == "filter"
    state = types.SimpleNamespace(FUNCTIONS={"normguard": instance}, FUNCTION_CONTENTS={"normguard": "x"})
    request = types.SimpleNamespace(app=types.SimpleNamespace(state=state), state=types.SimpleNamespace())
    function = types.SimpleNamespace(id="normguard", content="x", is_active=True, is_global=True)

    async def module(*_: Any, **__: Any) -> Any:
        return instance

    class Stored:
        @staticmethod
        async def get_function_valves_by_ids(ids: list[str]) -> dict[str, Any]:
            return dict.fromkeys(ids, valves)

    open_webui.get_function_module = module
    open_webui.Functions = Stored
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": text}]}
    told, _ = await open_webui.process_filter_functions(
        request=request,
        filter_context=None,
        filter_functions=[function],
        filter_type="inlet",
        form_data=body,
        extra_params={"__user__": {"id": "1", "name": "Ann"}},
    )
    return told  # type: ignore[no-any-return]


async def _maybe(value: Any) -> Any:
    return await value if hasattr(value, "__await__") else value


async def test_through_a_server(open_webui: Any, start_proxy: Callable[..., str], acting: Guard) -> None:
    url = start_proxy(acting)
    told = await run(open_webui, {"url": url}, CLOCK)
    assert "Cultural note, China" in told["messages"][0]["content"]
    assert told["stream"] is True
    assert (await run(open_webui, {"url": url}, HARMLESS))["messages"] == [{"role": "user", "content": HARMLESS}]
    question = "Is this wall clock a good gift for my host?"
    there = await run(open_webui, {"url": url, "country": "CN"}, question)
    assert "China" in there["messages"][0]["content"]
    with pytest.raises(RuntimeError, match="Before going on"):
        await run(open_webui, {"url": url, "policy": "block"}, CLOCK)


async def test_through_the_library(open_webui: Any) -> None:
    told = await run(open_webui, {}, CLOCK)
    assert "Cultural note, China" in told["messages"][0]["content"]


async def test_a_server_that_is_away(open_webui: Any) -> None:
    away = {"url": "http://127.0.0.1:9", "timeout": 1}
    assert (await run(open_webui, away, CLOCK))["messages"] == [{"role": "user", "content": CLOCK}]
    with pytest.raises(RuntimeError, match="cannot be reached"):
        await run(open_webui, {**away, "fail_closed": True}, CLOCK)
