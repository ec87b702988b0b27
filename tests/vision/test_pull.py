"""Fetching models over a network that may fail."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from guard.errors import ModelError
from guard.vision import pull as module
from guard.vision.manifest import Download, Manifest
from guard.vision.pull import pull
from guard.vision.store import cache
from tests.vision.samples import make_model


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """Files of a web server, and a known model ``colours`` whose manifest pins them."""
    monkeypatch.setenv("NORMGUARD_MODELS", str(tmp_path / "cache"))
    made = make_model(tmp_path / "models" / "colours")
    files = {f"/{name}": (made / name).read_bytes() for name in ("model.onnx", "labels.txt")}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in files else 404)
            self.end_headers()
            self.wfile.write(files.get(self.path, b""))

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def pinned(name: str) -> Download:
        data = files[name]
        url: Any = f"http://127.0.0.1:{server.server_port}{name}"
        return Download(url=url, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))

    manifest = Manifest(
        name="colours", licence="CC0-1.0", model=pinned("/model.onnx"), labels=pinned("/labels.txt"), input={"size": 16}
    )
    monkeypatch.setattr(module, "shipped", lambda: {"colours": manifest})
    monkeypatch.setattr(module, "folder", lambda name: tmp_path / name)
    yield files
    server.shutdown()


def test_a_pull_checks_what_it_was_given(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model 'resnet'"):
        pull("resnet")
    with pytest.raises(ModelError, match="not there; the model needs it"):
        pull("mobilenet-v2", source=tmp_path)
    with pytest.raises(ModelError, match="not the file that was expected: its SHA-256"):
        pull("mobilenet-v2", fetch=lambda url, path, _: Path(path).write_text("a captive portal's page"))
    with pytest.raises(ModelError, match="cannot be fetched"):
        pull("mobilenet-v2", timeout=0.001)
    assert not any(path for path in Path(str(tmp_path)).rglob("*.partial"))


def test_files_are_fetched_and_kept(shelf: dict[str, bytes]) -> None:
    made = pull("colours")
    assert made == cache() / "colours"
    assert (made / "model.onnx").read_bytes() == shelf["/model.onnx"]
    assert {path.name for path in made.iterdir()} == {
        "model.onnx", "labels.txt", "manifest.yaml", "concepts.yaml",
    }  # fmt: skip


def test_another_file_than_the_pinned_one_is_refused_and_the_old_model_stays(shelf: dict[str, bytes]) -> None:
    made = pull("colours")
    shelf["/labels.txt"] += b"one more\n"
    with pytest.raises(ModelError, match=r"labels.txt: not the file that was expected: its SHA-256 is not \w{12}…"):
        pull("colours")
    assert (made / "model.onnx").is_file()
    assert [path.name for path in cache().iterdir()] == ["colours"]


def test_an_address_that_has_nothing_is_told(shelf: dict[str, bytes]) -> None:
    del shelf["/model.onnx"]
    with pytest.raises(ModelError, match=r"model.onnx: cannot be fetched: 404 .*--from"):
        pull("colours")


def test_without_the_library_it_says_what_to_install(
    shelf: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ModelError, match=r"normguard\[vision\]"):
        pull("colours")
    assert pull("colours", source=tmp_path / "models" / "colours").is_dir(), "what lies on disk needs no network"


def test_what_fetches_is_loaded_only_to_fetch() -> None:
    code = "import sys, guard, guard.vision.pull; print([m for m in ('pooch', 'requests', 'tqdm') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"
