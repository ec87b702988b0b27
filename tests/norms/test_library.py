"""Norms by country."""

from __future__ import annotations

from guard import Guard
from guard.norms.library import Library
from guard.norms.model import Pack
from tests.norms.samples import norm, pack


def test_a_pack_speaks_for_a_place_that_has_none(guard: Guard) -> None:
    china = Pack.model_validate(pack(norm(id="cn.gift.things"), country="CN") | {"also": ["HK"]})
    library = Library({"CN": china}, guard.library.vocabulary)
    assert [n.id for n in library.of_country("HK")] == ["cn.gift.things"]
