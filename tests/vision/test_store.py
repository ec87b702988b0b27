"""Which of the pulled models is used, and where they lie."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from guard.files import folder
from guard.norms.vocabulary import Vocabulary
from guard.vision import store
from guard.vision.manifest import Manifest
from guard.vision.model import open_vision
from guard.vision.store import cache, preferred, shipped
from tests.paths import ROOT
from tests.vision.samples import make_model

LIGHT, FULL = "mobilenet-v2", "vit-b-32"


def put(name: str, into: Path) -> None:
    (into / name).mkdir(parents=True)
    shutil.copy(folder("models") / name / "manifest.yaml", into / name)


def test_auto_takes_the_full_model_where_a_light_one_is_there_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORMGUARD_MODELS", str(tmp_path))
    assert preferred() is None
    put(LIGHT, tmp_path)
    assert preferred() == LIGHT
    put(FULL, tmp_path)
    assert preferred() == FULL, "the light one comes first by name"


def test_auto_opens_the_model_of_the_highest_rank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORMGUARD_MODELS", str(tmp_path))
    make_model(tmp_path / LIGHT)
    make_model(tmp_path / FULL)
    opened = open_vision("auto", Vocabulary())
    assert opened is not None
    assert opened.name == FULL


def test_of_models_alike_the_first_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    alike = {name: Manifest(name=name, licence="MIT", input={"size": 16}) for name in ("alder", "birch")}
    monkeypatch.setattr(store, "shipped", lambda: alike)
    monkeypatch.setattr(store, "is_here", lambda name: True)
    assert preferred() == "alder"
    alike["birch"] = Manifest(name="birch", licence="MIT", rank=1, input={"size": 16})
    assert preferred() == "birch"


def test_the_page_states_the_ranks_of_the_manifests() -> None:
    page = (ROOT / "docs/use/vision.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \w+ \| `([\w-]+)` \| (\d+) \|", page, re.MULTILINE))
    assert rows == {name: str(manifest.rank) for name, manifest in shipped().items()}


def test_models_lie_where_the_system_keeps_caches_and_old_ones_are_still_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path / "Library" / "Caches" / "normguard")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("NORMGUARD_MODELS", str(tmp_path / "given"))
    assert cache() == tmp_path / "given"
    monkeypatch.delenv("NORMGUARD_MODELS")
    assert cache() == tmp_path / "Library" / "Caches" / "normguard" / "models"
    (tmp_path / "xdg" / "normguard" / "models").mkdir(parents=True)
    assert cache() == tmp_path / "xdg" / "normguard" / "models"
