"""Names of places: kept, and found."""

from __future__ import annotations

import pytest

from guard.text.gazetteer import Gazetteer, Name, NameKind, Rank, key_of
from guard.text.languages import bits

KYOTO = Name("JP", NameKind.CITY, 0.9)
HANOI = Name("VN", NameKind.CITY, 0.86)


def gazetteer(**names: Name) -> Gazetteer:
    return Gazetteer(Gazetteer.compiled((key_of(name.replace("_", " ")), of) for name, of in names.items()))


def test_what_was_put_in_comes_out() -> None:
    names = gazetteer(Kyoto=KYOTO, Ha_Noi=HANOI, 東京=Name("JP", NameKind.CITY, 0.85))
    assert names.get("kyoto") == [KYOTO]
    assert names.get("ha noi") == [HANOI]
    assert names.get("東京")[0].country == "JP"
    assert names.get("osaka") == []
    assert "kyoto" in names
    assert "kyot" not in names


def test_the_longest_name_that_a_text_begins_with_comes_first() -> None:
    names = gazetteer(York=Name("GB", NameKind.CITY, 0.7), New_York=Name("US", NameKind.CITY, 0.9), New=HANOI)
    assert names.prefixes("new york in may") == ["new york", "new"]
    assert names.prefixes("old york") == []


def test_of_several_countries_the_surest_and_likeliest_comes_first() -> None:
    london = [
        Name("CA", NameKind.CITY, 0.71, Rank.LATENT),
        Name("GB", NameKind.CITY, 0.85),
        Name("US", NameKind.CITY, 0.9),
    ]
    names = Gazetteer(Gazetteer.compiled(("london", one) for one in london))
    assert [name.country for name in names.get("london")] == ["US", "GB", "CA"]


def test_what_is_said_twice_of_a_name_is_joined() -> None:
    twice = [
        Name("JP", NameKind.CITY, 0.6, Rank.CAPITAL, bits(["de"])),
        Name("JP", NameKind.CITY, 0.8, Rank.SURE, bits(["fr"])),
    ]
    (name,) = Gazetteer(Gazetteer.compiled(("kioto", one) for one in twice)).get("kioto")
    assert name == Name("JP", NameKind.CITY, 0.8, Rank.SURE, bits(["de", "fr"]))
    everywhere = twice[0]._replace(languages=0)
    (name,) = Gazetteer(Gazetteer.compiled(("kioto", one) for one in [*twice, everywhere])).get("kioto")
    assert name.languages == 0, "a name in any language is one in these, too"


def test_all_tables_are_asked() -> None:
    tables = [Gazetteer.compiled([("kyoto", KYOTO)]), Gazetteer.compiled([("kyoto tower", HANOI), ("kyoto", HANOI)])]
    names = Gazetteer(*tables)
    assert {name.country for name in names.get("kyoto")} == {"JP", "VN"}
    assert names.prefixes("kyoto tower") == ["kyoto tower", "kyoto"]


@pytest.mark.parametrize("typed", ["kyotto", "kyot", "kytoo", "kyota", "kyotos"])
def test_a_name_of_which_one_letter_is_wrong(typed: str) -> None:
    assert gazetteer(Kyoto=KYOTO).near(typed) == [KYOTO]


def test_what_is_farther_off_or_little_known_or_a_word_as_well_is_not_near() -> None:
    names = gazetteer(Kyoto=KYOTO, Bathurst=HANOI._replace(score=0.6), Nicosia=HANOI._replace(rank=Rank.CAPITAL))
    for typed in ("kiotto", "tyoto", "bathurt", "nicosiaa"):
        assert names.near(typed) == []


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Côte d’Ivoire", "cote d ivoire"),
        ("  SÃO   Paulo ", "sao paulo"),
        ("東京 都", "東京都"),
        ("กรุงเทพ", "กรุงเทพ"),
        ("서울", "서울"),
        ("القاهرة", "القاهرة"),
        ("!", ""),
    ],
)
def test_names_as_they_are_looked_up(name: str, key: str) -> None:
    assert key_of(name) == key


def test_an_empty_one_knows_nothing() -> None:
    for names in (Gazetteer(), Gazetteer(Gazetteer.compiled([]))):
        assert names.get("kyoto") == []
        assert names.prefixes("kyoto") == []
        assert "kyoto" not in names
