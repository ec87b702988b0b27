"""Norms that policies treat differently."""

from __future__ import annotations

from guard.norms.model import Norm
from tests.norms.samples import norm


def made(id_: str = "xx.gift.things", **changes: object) -> Norm:
    return Norm.model_validate(norm(id=id_, **changes))


MILD, BAD = made(), made("xx.gift.bad", severity=2)
CONTESTED = made("xx.gift.contested", strength="contested", differs="the young")
