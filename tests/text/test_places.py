"""Countries: their names, their codes, where they lie."""

from __future__ import annotations

import pytest

from guard import Guard
from guard.text.languages import LANGUAGES
from guard.text.places import countries, country_at, country_name


@pytest.mark.parametrize("language", LANGUAGES)
def test_country_names_do_not_meet_each_other(guard: Guard, language: str) -> None:
    """Stems of two countries' names must differ, or one would be taken for the other."""
    for code in ("JP", "CN", "IN", "TH", "ID", "IR", "SA", "EG", "MA", "ET", "NG", "RU", "FR", "BR", "MX", "AR"):
        found = {
            e.value for e in guard.library.lexicon.find(country_name(code, language), [language]) if e.kind == "culture"
        }
        assert found == {code}, (language, country_name(code, language))


@pytest.mark.parametrize(
    ("point", "code"),
    [
        ((35.68, 139.69), "JP"),
        ((31.23, 121.47), "CN"),
        ((-1.29, 36.82), "KE"),
        ((48.85, 2.35), "FR"),
        ((0.0, -140.0), None),
        ((-90.0, 0.0), None),
        ((-17.7, 178.07), "FJ"),
    ],
)
def test_country_of_a_point(point: tuple[float, float], code: str | None) -> None:
    assert country_at(*point) == code


def test_country_codes() -> None:
    assert {"JP", "CN", "IN", "US"} <= countries()
    assert not countries() & {"EU", "UN", "ZZ", "XK"}
