"""From torch to what ships: two ONNX graphs, the norms' vectors, and a manifest with hashes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from guard.classifier.features import PAIR, REQUEST
from guard.classifier.ngrams import BUCKETS
from guard.classifier.student import ENCODER, FORMAT, RANKER, VECTORS
from guard.onnx import write_manifest
from guard.vision.convert import forget_origin
from training.encoders import DIMENSIONS, Bag
from training.heads import Heads
from training.ranker import SIMILARITIES, Ranker

_OPSET = 17


def quantise(table: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """A table as 8-bit whole numbers and a scale for each row."""
    scale = table.abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127.0
    return torch.round(table / scale).to(torch.int8).numpy(), scale.numpy().astype(np.float32)


def encoder_graph(encoder: Bag, heads: Heads, *, int8: bool) -> onnx.ModelProto:
    """Token ids ``(n,)`` to a unit vector ``(d,)`` and the probabilities of cultures and situations."""
    table = encoder.table.weight.detach()
    constants: dict[str, np.ndarray] = {
        "zero": np.array([0], dtype=np.int64),
        "tiny": np.array(1e-12, dtype=np.float32),
        "cw": heads.culture.weight.detach().numpy().T,
        "cb": heads.culture.bias.detach().numpy(),
        "sw": heads.situation.weight.detach().numpy().T,
        "sb": heads.situation.bias.detach().numpy(),
    }
    nodes = []
    if int8:
        constants["table"], constants["scale"] = quantise(table)
        nodes += [
            helper.make_node("Gather", ["table", "ids"], ["small"]),
            helper.make_node("Cast", ["small"], ["whole"], to=TensorProto.FLOAT),
            helper.make_node("Gather", ["scale", "ids"], ["scales"]),
            helper.make_node("Mul", ["whole", "scales"], ["rows"]),
        ]
    else:
        constants["table"] = table.numpy()
        nodes.append(helper.make_node("Gather", ["table", "ids"], ["rows"]))
    nodes += [
        helper.make_node("ReduceMean", ["rows"], ["mean"], axes=[0], keepdims=0),
        helper.make_node("ReduceL2", ["mean"], ["length"], axes=[0], keepdims=1),
        helper.make_node("Max", ["length", "tiny"], ["safe"]),
        helper.make_node("Div", ["mean", "safe"], ["vector"]),
        helper.make_node("MatMul", ["vector", "cw"], ["c0"]),
        helper.make_node("Add", ["c0", "cb"], ["c1"]),
        helper.make_node("Sigmoid", ["c1"], ["cultures"]),
        helper.make_node("MatMul", ["vector", "sw"], ["s0"]),
        helper.make_node("Add", ["s0", "sb"], ["s1"]),
        helper.make_node("Sigmoid", ["s1"], ["situations"]),
    ]
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])],
        [
            helper.make_tensor_value_info("vector", TensorProto.FLOAT, [DIMENSIONS]),
            helper.make_tensor_value_info("cultures", TensorProto.FLOAT, [len(heads.cultures)]),
            helper.make_tensor_value_info("situations", TensorProto.FLOAT, [len(heads.situations)]),
        ],
        [
            numpy_helper.from_array(np.ascontiguousarray(value), name)
            for name, value in constants.items()
            if name != "zero"
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="normguard")
    model.ir_version = 9
    onnx.checker.check_model(model)
    return model


class Calibrated(nn.Module):
    """A ranker whose logits have become probabilities."""

    def __init__(self, ranker: Ranker, scales: dict[str, tuple[float, float]]) -> None:
        super().__init__()
        self.ranker, self.scales = ranker, scales
        self.eval()

    def forward(
        self, query: Tensor, content: Tensor, meaning: Tensor, things: Tensor, pairs: Tensor, request: Tensor
    ) -> tuple[Tensor, Tensor]:
        relevance, sensitivity = self.ranker(query, content, meaning, things, pairs, request)
        (a, b), (c, d) = self.scales["relevance"], self.scales["sensitivity"]
        return torch.sigmoid(a * relevance + b), torch.sigmoid(c * sensitivity + d)


def export_ranker(model: Calibrated, path: Path) -> None:
    """The calibrated ranker as ONNX, for any number of candidates."""
    d, n = DIMENSIONS, 7
    example = (
        torch.randn(d), torch.randn(d), torch.randn(n, d), torch.randn(n, d),
        torch.rand(n, len(PAIR)), torch.rand(len(REQUEST)),
    )  # fmt: skip
    count = torch.export.Dim("candidates", min=1, max=100_000)
    torch.onnx.export(
        model, example, str(path), dynamo=True, external_data=False, verbose=False,
        input_names=["query", "content", "meaning", "things", "pairs", "request"],
        output_names=["relevance", "sensitivity"],
        dynamic_shapes=(None, None, {0: count}, {0: count}, {0: count}, None),
    )  # fmt: skip
    forget_origin(path)


def write(
    directory: Path,
    name: str,
    encoder: onnx.ModelProto,
    ranker: Calibrated,
    heads: Heads,
    vectors: dict[str, np.ndarray],
) -> None:
    """The artefact's folder: graphs, vectors of the norms by key of their text, manifest."""
    directory.mkdir(parents=True, exist_ok=True)
    onnx.save(encoder, directory / ENCODER)
    export_ranker(ranker, directory / RANKER)
    stacked = np.stack(list(vectors.values())).astype(np.float16)
    np.savez_compressed(directory / VECTORS, keys=np.array(list(vectors)), vectors=stacked)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "licence": "Apache-2.0",
        "buckets": BUCKETS,
        "dimensions": DIMENSIONS,
        "similarities": SIMILARITIES,
        "cultures": heads.cultures,
        "situations": heads.situations,
        "pair": list(PAIR),
        "request": list(REQUEST),
    }
    write_manifest(directory, manifest)
