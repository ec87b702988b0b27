"""The JSON schema of packs."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from guard import Guard
from guard.norms.schema import pack_schema
from tests.norms.samples import norm, pack


def test_the_schema_for_editors_is_up_to_date_and_named_by_every_pack(guard: Guard) -> None:
    text = Path("policies/pack.schema.json").read_text(encoding="utf-8")
    assert json.loads(text) == pack_schema(guard.library.vocabulary), (
        "normguard norms schema > policies/pack.schema.json"
    )
    for path in Path("policies/norms").glob("*.yaml"):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        assert first == "# yaml-language-server: $schema=../pack.schema.json", path


def test_the_schema_accepts_what_the_loader_does(guard: Guard) -> None:
    whole = jsonschema.Draft202012Validator(pack_schema(guard.library.vocabulary))
    change = jsonschema.Draft202012Validator(pack_schema(guard.library.vocabulary, change=True))
    some = pack(norm())
    assert whole.is_valid(some)
    assert not whole.is_valid(pack(norm(situations=["gifts"])))
    assert not whole.is_valid(pack(norm(visual=["no-such-concept"])))
    part = {"country": "JP", "norms": [{"id": "jp.gift.combs", "severity": 2}], "off": ["jp.gift.wrapping"]}
    assert change.is_valid(part)
    assert not whole.is_valid(part)
