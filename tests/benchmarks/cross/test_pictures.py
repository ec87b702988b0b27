"""The pictures of the cases: found, fetched, or done without."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cross import pictures
from benchmarks.cross.dataset import Case, read_clone
from benchmarks.cross.scripted import ScriptedServer
from guard.errors import NormGuardError
from tests.benchmarks.cross.samples import Run


def test_without_pictures_the_report_says_so(start: Run, clone: Path, tmp_path: Path, scripted: ScriptedServer) -> None:
    shutil.rmtree(clone / "images")
    assert start("follows", data=clone, images=False) == 0
    assert "<strong>No pictures.</strong>" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    subject = [body for body in scripted.bodies if body["model"] == "follows"]
    assert all("[The picture shows: " in json.dumps(body) for body in subject)
    assert not any("normguard" in body for body in subject)


def test_pictures_that_are_missing_or_broken_are_told_before_anything_is_spent(clone: Path) -> None:
    cases = read_clone(clone)
    folder = clone / "images" / "casa"
    (folder / "a-wall-clock.png").unlink()
    (folder / "a-bottle-of-wine.png").write_bytes(b"\x89PNG\r\n but not really")
    (folder / "a-buddha-statue.png").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(NormGuardError, match="3 of 7 pictures cannot be used") as caught:
        pictures.locate(cases, clone)
    for word in ("--fetch", "--skip-broken", "--no-images", "is missing", "git lfs pull", "is broken"):
        assert word in str(caught.value)
    kept, left_out = pictures.locate(cases, clone, skip=True)
    assert (len(kept), len(left_out)) == (4, 5)
    assert all(Path(str(case.image)).is_file() for case in kept)


def test_pictures_are_fetched_once_and_checked(clone: Path, tmp_path: Path) -> None:
    import http.server
    import threading

    asked: list[str] = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(clone / "images"))

        def log_message(self, *args: Any) -> None:
            asked.append(self.path)

    (clone / "images" / "casa" / "broken.png").write_text("<html>")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}/casa"
        names = ("a-wall-clock.png", "broken.png", "nothing.png")
        cases = [Case(id=n, query="q", norm="n", country="JP", image=f"{base}/{n}") for n in names]
        cases.append(Case(id="file", query="q", norm="n", country="JP", image="file:///etc/passwd"))
        for _ in range(2):
            kept, left_out = pictures.locate(cases, None, fetch=tmp_path / "cache", skip=True)
        server.shutdown()
    assert [case.id for case in kept] == ["a-wall-clock.png"]
    assert [word in line for word, line in zip(("no picture", "404", "only http"), left_out, strict=True)] == [True] * 3
    assert sum("a-wall-clock" in path for path in asked) == 1
    assert len(list((tmp_path / "cache").iterdir())) == 1
