"""Embedders exported from a CLIP with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image as Pillow

from guard.cli.models import models
from guard.errors import ModelError
from guard.norms.vocabulary import Vocabulary
from guard.vision.manifest import read_manifest
from guard.vision.model import VisionModel, preprocess
from tests.conftest import needs_data
from tests.vision.samples import PHOTOS, picture


def test_export_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from guard.vision.export import export

    with pytest.raises(ModelError, match="no model 'clip' to export"):
        export("clip")
    with pytest.raises(ModelError, match="pull it instead"):
        export("mobilenet-v2")
    monkeypatch.setitem(__import__("sys").modules, "open_clip", None)
    with pytest.raises(ModelError, match=r"normguard\[vision-export\]"):
        export("mobileclip2-s0", weights=tmp_path / "w.pt")
    monkeypatch.delitem(__import__("sys").modules, "open_clip")
    (tmp_path / "open_clip.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match=r"cannot be imported: operator torchvision::nms .* fit each other"):
        export("mobileclip2-s0", weights=tmp_path / "w.pt")


@pytest.fixture(scope="module")
def tiny(open_clip: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with a manifest of a tiny CLIP, and a file of random weights for it."""
    import torch

    folder = tmp_path_factory.mktemp("clip") / "tiny-clip"
    folder.mkdir()
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    vision = {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16}
    (folder / "tiny-clip.json").write_text(json.dumps({"embed_dim": 32, "vision_cfg": vision, "text_cfg": text}))
    open_clip.add_model_config(folder / "tiny-clip.json")
    torch.manual_seed(0)
    weights = folder / "weights.pt"
    torch.save(open_clip.create_model("tiny-clip").state_dict(), weights)
    manifest = {
        "name": "tiny-clip", "kind": "embedder", "licence": "CC0-1.0",
        "weights": {"architecture": "tiny-clip", "tag": "none", "hub": "nowhere/tiny-clip"},
        "input": {"size": 64, "crop": 1.0, "interpolation": "bicubic", "mean": [0.48, 0.46, 0.41],
                  "deviation": [0.27, 0.26, 0.28]},
        "temperature": 0.01,
    }  # fmt: skip
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    return folder, weights


def few(vocabulary: Vocabulary) -> Vocabulary:
    short = Vocabulary()
    short.concepts = {id_: vocabulary.concepts[id_] for id_ in ("clock", "teapot", "knife")}
    return short


def pictures() -> list[Pillow.Image]:
    made = [picture("red", (300, 200)), Pillow.linear_gradient("L").convert("RGB").resize((200, 333))]
    if PHOTOS.is_dir():
        made += [Pillow.open(path).convert("RGB") for path in sorted(PHOTOS.glob("*.jpg"))[::7]]
    return made


def test_a_clip_is_exported_and_agrees_with_the_original(
    tiny: tuple[Path, Path], tmp_path: Path, vocabulary: Vocabulary
) -> None:
    from guard.vision.export import export, parity

    folder, weights = tiny
    made = export(str(folder), weights=weights, out=tmp_path / "tiny-clip", vocabulary=few(vocabulary))
    for one in parity(made, pictures(), weights=weights):
        assert one.holds, one
    vision = VisionModel(str(made), vocabulary)
    for number in (1, 3):  # any batch
        assert vision._run(np.zeros((number, 3, 64, 64), dtype=np.float32)).shape == (number, 32)
    with np.load(made / "concepts.npz") as stored:
        assert stored["ids"].tolist() == ["clock", "teapot", "knife"]
        assert np.allclose(np.linalg.norm(stored["vectors"].astype(np.float32), axis=1), 1.0, atol=0.01)
    (made / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="damaged"):
        VisionModel(str(made), vocabulary)


def test_verify_compares_with_the_original_and_fails_for_other_weights(
    open_clip: Any, tiny: tuple[Path, Path], tmp_path: Path, vocabulary: Vocabulary
) -> None:
    import torch

    from guard.vision.export import export

    folder, weights = tiny
    made = export(str(folder), weights=weights, out=tmp_path / "tiny-clip", vocabulary=few(vocabulary))
    shown = tmp_path / "pictures"
    shown.mkdir()
    for i, one in enumerate(pictures()):
        one.save(shown / f"{i}.png")
    arguments = ["verify", str(made), "--pictures", str(shown), "--weights"]
    done = CliRunner().invoke(models, [*arguments, str(weights)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "parity fp32" in done.output
    torch.manual_seed(9)
    other = tmp_path / "other.pt"
    torch.save(open_clip.create_model("tiny-clip").state_dict(), other)
    done = CliRunner().invoke(models, [*arguments, str(other)], catch_exceptions=False)
    assert done.exit_code == 1
    assert "FAILS" in done.output


def test_weights_that_do_not_fit_or_cannot_be_fetched_are_named(tiny: tuple[Path, Path], tmp_path: Path) -> None:
    from guard.vision.export import export

    folder, _ = tiny
    (tmp_path / "bad.pt").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="the weights cannot be used"):
        export(str(folder), weights=tmp_path / "bad.pt", out=tmp_path / "out")
    with pytest.raises(ModelError, match="no such file"):
        export(str(folder), weights=tmp_path / "none.pt", out=tmp_path / "out")
    with pytest.raises(ModelError, match="Fetch the file elsewhere"):
        export(str(folder), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@needs_data
@pytest.mark.parametrize("name", ["mobileclip2-s0", "vit-b-32"])
def test_preprocessing_agrees_with_open_clips_own(open_clip: Any, name: str) -> None:
    """Within one step of 255 at almost every pixel: the same library resizes, the same square is cut out."""
    from guard.files import folder

    spec = read_manifest(folder("models") / name).input
    transform = open_clip.image_transform(
        spec.size, is_train=False, mean=spec.mean, std=spec.deviation, interpolation=spec.interpolation
    )
    scale = 1 / min(spec.deviation)
    for path in sorted(PHOTOS.glob("*.jpg")):
        photo = Pillow.open(path).convert("RGB")
        difference = np.abs(transform(photo).numpy() - preprocess(photo, spec))
        assert difference.max() <= 1.01 / 255 * scale, path.name
        assert difference.mean() <= 0.05 / 255 * scale, path.name
