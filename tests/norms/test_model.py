"""A norm as an object."""

from __future__ import annotations

from guard.norms.model import Norm
from tests.norms.samples import norm


def test_norms_print_their_scope() -> None:
    scoped = Norm.model_validate(norm(scope={"region": "Bali", "faith": "Hindu"}))
    assert str(scoped.scope) == "Bali, Hindu"
