"""Looking at pictures: an ONNX model, whose outputs are read as concepts of the vocabulary."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from guard.cache import Recent
from guard.errors import ModelError
from guard.norms.vocabulary import Vocabulary
from guard.onnx import open_session
from guard.vision.manifest import Input, read_manifest
from guard.vision.readers import reader
from guard.vision.store import find, preferred

if TYPE_CHECKING:
    from PIL import Image as Pillow

_log = logging.getLogger("normguard")

PROVIDERS = (
    "TensorrtExecutionProvider",
    "CUDAExecutionProvider",
    "CoreMLExecutionProvider",
    "OpenVINOExecutionProvider",
    "CPUExecutionProvider",
)
"""In order of preference; the first that this machine's onnxruntime has is used."""


@dataclass(slots=True)
class _Waiting:
    """Pictures whose turn has not come; whoever finds nobody working takes them all in one batch."""

    items: list[tuple[np.ndarray[Any, Any], Future[np.ndarray[Any, Any]]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class VisionModel:
    """Says which concepts a picture shows, each with a probability. Thread-safe; one session a process.

    Concurrent pictures are run in one batch of at most `batch`: while one batch runs the next one gathers, so nobody
    waits for a clock. Pictures seen before come from a cache by the key that the caller gives.

    Args:
        model: name of a pulled model, or a folder with a manifest.
        vocabulary: whose concepts are reported.
        threads: onnxruntime's threads for one batch.
        batch: pictures in one batch.
        cache: pictures whose concepts are remembered.

    Raises:
        ModelError: onnxruntime or the model is missing, or the model is damaged.
    """

    def __init__(
        self, model: str, vocabulary: Vocabulary, *, threads: int = 2, batch: int = 8, cache: int = 1024
    ) -> None:
        directory = find(model)
        self.manifest = read_manifest(directory)
        self.name = self.manifest.name
        self._read = reader(directory, self.manifest, vocabulary)
        self._session = open_session(directory / self.manifest.file, threads=threads, providers=PROVIDERS)
        self.provider: str = self._session.get_providers()[0]
        self._input = self._session.get_inputs()[0].name
        self._batch = batch if isinstance(self._session.get_inputs()[0].shape[0], str) else 1
        self._waiting = _Waiting()
        self._running = threading.Lock()
        self._seen: Recent[bytes, Mapping[str, float]] = Recent(cache)
        width = self._run(np.zeros((1, *_shape(self.manifest.input)), dtype=np.float32)).shape[-1]
        if width != self._read.width:
            raise ModelError(
                f"{directory}: the model gives {width} numbers of a picture, and what is to read them knows "
                f"{self._read.width}."
            )

    def concepts(self, picture: Pillow.Image, key: bytes) -> Mapping[str, float]:
        """Concepts that `picture` shows and their probabilities, likeliest first; `key` tells pictures apart."""
        if (known := self.knows(key)) is not None:
            return known
        found = self._read(self._outputs(preprocess(picture, self.manifest.input)))
        self.put(key, found)
        return found

    def knows(self, key: bytes) -> Mapping[str, float] | None:
        """What is remembered of a picture, if it is."""
        return self._seen.get(key)

    def put(self, key: bytes, concepts: Mapping[str, float]) -> None:
        """Remember what a picture shows."""
        self._seen.put(key, concepts)

    def _outputs(self, pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        mine: Future[np.ndarray[Any, Any]] = Future()
        with self._waiting.lock:
            self._waiting.items.append((pixels, mine))
        with self._running:
            while not mine.done():
                with self._waiting.lock:
                    turn, self._waiting.items = self._waiting.items[: self._batch], self._waiting.items[self._batch :]
                try:
                    for (_, waiting), row in zip(turn, self._run(np.stack([item for item, _ in turn])), strict=True):
                        waiting.set_result(row)
                except Exception as error:  # whoever waits for this batch must hear of it, or waits for ever
                    for _, waiting in turn:
                        waiting.set_exception(error)
        outputs: np.ndarray[Any, Any] = mine.result()
        return outputs

    def _run(self, pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        outputs: np.ndarray[Any, Any] = self._session.run(None, {self._input: pixels})[0]
        rows: np.ndarray[Any, Any] = outputs.reshape(len(pixels), -1)
        return rows


def open_vision(model: str, vocabulary: Vocabulary, *, forgiving: bool = False) -> VisionModel | None:
    """The vision model that a deployment asks for, or None.

    Args:
        model: name or folder of a model; ``auto`` for the best that was pulled (its `rank`), if any; ``none``.
        vocabulary: whose concepts are reported.
        forgiving: start without one, and say so in the log, where the model that was asked for cannot be used.

    Raises:
        ModelError: the model cannot be used.
    """
    name = preferred() if model == "auto" else model
    if name is None or model == "none":
        return None
    try:
        return VisionModel(name, vocabulary)
    except ModelError as error:
        if not forgiving:
            raise
        _log.warning("starting without looking at pictures: %s", error)
        return None


def preprocess(picture: Pillow.Image, spec: Input) -> np.ndarray[Any, Any]:
    """The central square of an upright RGB picture as the model takes it: float32, channels first or last.

    The shorter edge is brought to ``size / crop`` and the square is cut out of the result, as torchvision's ``Resize``
    and ``CenterCrop`` (and with them open_clip's image transform) do.
    """
    from PIL import Image as Pillow

    width, height = picture.size
    short = round(spec.size / spec.crop)
    scaled = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    filter_ = Pillow.Resampling.BICUBIC if spec.interpolation == "bicubic" else Pillow.Resampling.BILINEAR
    left, top = round((scaled[0] - spec.size) / 2.0), round((scaled[1] - spec.size) / 2.0)
    square = picture.resize(scaled, filter_).crop((left, top, left + spec.size, top + spec.size))
    values = np.asarray(square, dtype=np.float32) / np.float32(255)
    pixels: np.ndarray[Any, Any] = (values - np.array(spec.mean, np.float32)) / np.array(spec.deviation, np.float32)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)) if spec.layout == "NCHW" else pixels


def _shape(spec: Input) -> tuple[int, int, int]:
    return (3, spec.size, spec.size) if spec.layout == "NCHW" else (spec.size, spec.size, 3)


def latency(vision: VisionModel, pictures: Sequence[Pillow.Image], *, rounds: int = 20) -> list[float]:
    """Milliseconds that the concepts of each picture take, none from the cache."""
    taken: list[float] = []
    for number in range(rounds):
        for index, picture in enumerate(pictures):
            start = time.perf_counter()
            vision.concepts(picture, f"{number}/{index}".encode())
            taken.append((time.perf_counter() - start) * 1000)
    return taken
