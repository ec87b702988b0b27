"""Export of a CLIP: its image tower as ONNX, and the concept vocabulary embedded once by its text tower.

Afterwards neither torch nor open_clip is needed; both come with the extra ``vision-export``.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from guard.errors import ModelError, missing
from guard.norms.vocabulary import Vocabulary
from guard.onnx import MANIFEST, open_session, write_manifest
from guard.vision.convert import forget_origin
from guard.vision.manifest import Manifest, read_manifest
from guard.vision.model import preprocess
from guard.vision.store import cache, shipped

TEMPLATES = (
    "a photo of a {}.",
    "a photo of {}.",
    "a close-up photo of a {}.",
    "a photo of the {} in a shop.",
    "a product photo of a {}.",
    "a tourist's photo of a {}.",
    "a picture of several {}.",
)
"""Prompts whose vectors are averaged for each name of a concept (prompt ensembling, Radford et al., ICML 2021)."""

BACKGROUND = (
    "a photo.", "a blurry photo.", "a photo of a person.", "a photo of people.", "a photo of a landscape.",
    "a photo of a street.", "a photo of a room.", "a screenshot.", "a document.", "a drawing.", "an abstract pattern.",
    "a photo of an everyday object.",
)  # fmt: skip
"""Prompts that stand for a picture which shows no concept of the vocabulary."""

_NAMES = 3  # English names of a concept that are embedded
_LEAST = {"fp32": 0.999, "int8": 0.95}
"""Cosine that the ONNX towers must reach with the original on every picture that they are checked with."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How far an ONNX tower is from the original: least and mean cosine of their vectors, over `pictures`."""

    precision: str
    least: float
    mean: float
    pictures: int

    @property
    def holds(self) -> bool:
        return self.least >= _LEAST[self.precision]


def export(
    name: str, *, weights: Path | None = None, out: Path | None = None, vocabulary: Vocabulary | None = None
) -> Path:
    """Make a known embedder ready to use.

    Args:
        name: name of a model that NormGuard knows, or a folder with a manifest that names `weights`.
        weights: file of weights on this disk; without it they are fetched from their hub.
        out: folder to write; the cache of pulled models by default.
        vocabulary: the concepts to embed.

    Returns:
        The folder: manifest, ``model.onnx``, ``model-int8.onnx``, ``concepts.npz``.

    Raises:
        ModelError: the extra is missing, the weights cannot be had or do not fit, or the model is no embedder.
    """
    manifest = _manifest(name)
    torch, open_clip = _libraries()
    model = _load(open_clip, manifest, weights)
    vocabulary = vocabulary or Vocabulary()
    target = out or cache() / manifest.name
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        _export_tower(torch, model, manifest, partial / "model.onnx")
        _quantise(partial / "model.onnx", partial / "model-int8.onnx")
        ids = list(vocabulary.concepts)
        prompts = [
            [template.format(term) for term in vocabulary.concepts[id_].names["en"][:_NAMES] for template in TEMPLATES]
            for id_ in ids
        ]
        encode = _text_encoder(torch, open_clip, model, manifest)
        vectors = np.stack([_unit(encode(some).mean(axis=0)) for some in prompts])
        background = np.stack([_unit(row) for row in encode(BACKGROUND)])
        np.savez(
            partial / "concepts.npz",
            ids=np.array(ids),
            vectors=vectors.astype(np.float16),
            background=background.astype(np.float16),
        )
        write_manifest(partial, manifest.model_dump(mode="json", exclude_none=True, exclude={"sha256"}))
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    except OSError as error:
        raise ModelError(f"{error.filename or target}: cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def parity(directory: Path, pictures: Sequence[Pillow.Image], *, weights: Path | None = None) -> list[Parity]:
    """Compare an exported model with the original, preprocessing included, on `pictures`.

    Raises:
        ModelError: as `export`; or there are no pictures.
    """
    if not pictures:
        raise ModelError("Parity needs pictures: name a folder of them (--pictures).")
    manifest = read_manifest(directory)
    torch, open_clip = _libraries()
    model = _load(open_clip, manifest, weights)
    transform = _transform(open_clip, manifest)
    with torch.no_grad():
        batch = torch.stack([transform(picture) for picture in pictures])
        wanted = model.encode_image(batch, normalize=True).numpy()
    found: list[Parity] = []
    for precision, file in (("fp32", "model.onnx"), ("int8", "model-int8.onnx")):
        session = open_session(directory / file, threads=2)
        name = session.get_inputs()[0].name
        given = np.concatenate(
            [session.run(None, {name: preprocess(picture, manifest.input)[None]})[0] for picture in pictures]
        )
        cosines = (given * wanted).sum(axis=1) / np.linalg.norm(given, axis=1)
        found.append(Parity(precision, float(cosines.min()), float(cosines.mean()), len(pictures)))
    return found


def _manifest(name: str) -> Manifest:
    known = shipped()
    if name in known:
        manifest = known[name]
    elif (Path(name) / MANIFEST).is_file():
        manifest = read_manifest(Path(name))
    else:
        raise ModelError(f"There is no model {name!r} to export; known are {', '.join(known)}.")
    if manifest.weights is None:
        raise ModelError(f"{manifest.name} is not exported from a CLIP's weights; pull it instead.")
    return manifest


def _libraries() -> tuple[Any, Any]:
    try:
        import open_clip  # an extra, and seconds to import
        import torch
    except (ImportError, RuntimeError) as error:  # torchvision raises the latter beside a torch that it does not fit
        if isinstance(error, ModuleNotFoundError) and error.name:
            raise ModelError(f"{missing('Exporting', 'vision-export')} ({error})") from error
        raise ModelError(f"open_clip cannot be imported: {error}. Do torch and torchvision fit each other?") from error
    return torch, open_clip


def _load(open_clip: Any, manifest: Manifest, weights: Path | None) -> Any:
    assert manifest.weights is not None
    if weights is not None and not weights.is_file():
        raise ModelError(f"{weights}: no such file of weights.")
    source = str(weights) if weights is not None else manifest.weights.tag
    quiet = logging.getLogger().level
    try:
        model = open_clip.create_model(manifest.weights.architecture, pretrained=source)
    except Exception as error:  # hub, file and architecture each fail in ways of their own
        where = weights or f"{manifest.weights.hub} ({manifest.weights.tag})"
        how = "" if weights else " Fetch the file elsewhere and give it: normguard models export NAME --weights FILE."
        raise ModelError(f"{where}: the weights cannot be used: {str(error)[:300]}{how}") from error
    finally:
        logging.getLogger().setLevel(quiet)
    return model.eval()


def _transform(open_clip: Any, manifest: Manifest) -> Any:
    """open_clip's own preprocessing, with the numbers that the manifest states."""
    spec = manifest.input
    return open_clip.image_transform(
        spec.size, is_train=False, mean=spec.mean, std=spec.deviation, interpolation=spec.interpolation
    )


def _export_tower(torch: Any, model: Any, manifest: Manifest, path: Path) -> None:
    class Tower(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = _merged(model)

        def forward(self, picture: Any) -> Any:
            return self.model.encode_image(picture, normalize=True)

    size = manifest.input.size
    batch = torch.export.Dim("batch", min=1, max=1024)
    torch.onnx.export(
        Tower().eval(),
        (torch.rand(2, 3, size, size),),
        str(path),
        dynamo=True,
        external_data=False,
        verbose=False,
        input_names=["picture"],
        output_names=["vector"],
        dynamic_shapes=({0: batch},),
    )
    forget_origin(path)


def _merged(model: Any) -> Any:
    """The model with the branches that only training needs merged into one (MobileCLIP has some)."""
    try:
        from timm.utils import reparameterize_model  # comes with open_clip
    except ImportError:
        return model
    return reparameterize_model(model, inplace=False).eval()


def _quantise(source: Path, target: Path) -> None:
    """8-bit weights of the layers that multiply matrices; convolutions stay as they are, for 8 bits slow them here."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, target, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gemm"])


def _text_encoder(torch: Any, open_clip: Any, model: Any, manifest: Manifest) -> Any:
    assert manifest.weights is not None
    tokenizer = open_clip.get_tokenizer(manifest.weights.architecture)

    def encode(prompts: Sequence[str]) -> np.ndarray[Any, Any]:
        with torch.no_grad():
            found: np.ndarray[Any, Any] = model.encode_text(tokenizer(list(prompts)), normalize=True).numpy()
        return found

    return encode


def _unit(vector: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    unit: np.ndarray[Any, Any] = vector / max(float(np.linalg.norm(vector)), 1e-9)
    return unit
