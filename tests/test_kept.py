"""Files that are computed once: by whom, and what is left of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from guard.files import cache_folder
from guard.kept import Kept, key_of

AT_ONCE = """
import sys, time
from guard.kept import Kept
time.sleep(max(0, float(sys.argv[1]) - time.time()))
for key in range(30):
    assert Kept("thing", f"key{key}", lambda: {"part": b"%d" % key * 100_000}).parts()["part"] == b"%d" % key * 100_000
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = cache_folder()
    assert kept is not None
    return kept


def test_processes_that_start_at_once(cache: Path) -> None:
    import time

    start = str(time.time() + 2)
    started = [subprocess.Popen([sys.executable, "-c", AT_ONCE, start]) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert not list(cache.glob(".*"))


def test_it_is_made_once_and_old_ones_are_forgotten(cache: Path) -> None:
    made: list[str] = []

    def make(key: str) -> dict[str, bytes]:
        made.append(key)
        return {"part": key.encode()}

    for key in [*map(str, range(12)), "11"]:
        assert Kept("thing", key, lambda key=key: make(key)).parts()["part"] == key.encode()  # type: ignore[misc]
    assert made == list(map(str, range(12)))
    assert len(list(cache.glob("thing-*.zip"))) == 8
    assert cache.stat().st_mode & 0o077 == 0, "nobody else's business"


def test_a_key_is_of_bytes_names_order_and_whatever_else_counts(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"a")
    two.write_bytes(b"b")
    keys = [
        key_of([one, two]),
        key_of([two, one]),
        key_of([one]),
        key_of([one, two], 1),
        key_of([one, tmp_path / "no"]),
    ]
    two.write_bytes(b"c")
    assert len({*keys, key_of([one, two])}) == 6
    two.write_bytes(b"b")
    assert key_of([one, two]) == keys[0]
