"""The JSON schema of norm packs: what an editor completes and checks while one writes YAML."""

from __future__ import annotations

from typing import Any

from guard.norms.model import Pack
from guard.norms.vocabulary import Vocabulary


def pack_schema(vocabulary: Vocabulary, *, change: bool = False) -> dict[str, Any]:
    """JSON Schema (2020-12) of a pack file, with the ids of `vocabulary` for situations and concepts.

    Args:
        vocabulary: whose ids may be used.
        change: whether the file changes a pack read before, so that a norm may give an id and what differs alone.
    """
    schema = Pack.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    norm = schema["$defs"]["Norm"]
    norm["properties"]["situations"]["items"] = {"enum": sorted(vocabulary.situations)}
    norm["properties"]["visual"]["items"] = {"enum": sorted(vocabulary.concepts)}
    if change:
        norm["required"], schema["required"] = ["id"], ["country"]
    return schema
