"""A norm as an object."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from guard.norms.model import Law, Norm
from tests.norms.samples import norm


def test_norms_print_their_scope() -> None:
    scoped = Norm.model_validate(norm(scope={"region": "Bali", "faith": "Hindu"}))
    assert str(scoped.scope) == "Bali, Hindu"


LAW = {"instrument": "Aviation Act 1990, s. 3", "punishable": "flying without a permit", "read_on": "2026-11-26"}


def test_a_law_is_a_record_or_the_day_on_which_it_was_as_stated() -> None:
    alone = Norm.model_validate(norm(law=date(2024, 3, 1))).law
    assert alone == Law(read_on=date(2024, 3, 1))
    whole = Norm.model_validate(norm(kind="law", law=LAW | {"official": "https://example.org/act"})).law
    assert whole
    assert whole.instrument == "Aviation Act 1990, s. 3"
    assert whole.expires is None


def test_a_norm_holds_in_its_own_country_unless_it_says_where() -> None:
    assert Norm.model_validate(norm()).countries == ("XX",)
    elsewhere = Norm.model_validate(norm(scope={"countries": ["KW", "QA"]}))
    assert elsewhere.countries == ("KW", "QA")
    assert not elsewhere.scope
    assert Norm.model_validate(norm(scope={"countries": ["KW"], "faith": "Muslim"})).scope


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kind": "law"}, "kind is law: 'law' must say which"),
        ({"kind": "belief"}, "kind"),
        ({"brief": " ".join(["word"] * 13)}, "brief has 13 words; at most 12"),
        ({"when": "if " + "x" * 140}, "when"),
        ({"law": {"instrument": "An Act"}}, "read_on"),
        ({"law": "soon"}, "law.*date"),
        ({"law": LAW | {"fine": "much"}}, "fine"),
        ({"scope": {"countries": ["Kuwait"]}}, "scope.countries"),
        ({"scope": {}}, "leave scope out"),
        ({"sources": [{"title": "A page", "url": "https://example.org", "kind": "hearsay"}]}, "sources.0.kind"),
    ],
)
def test_what_a_norm_may_not_say(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=rf"(?s){told}"):
        Norm.model_validate(norm(**changes))
