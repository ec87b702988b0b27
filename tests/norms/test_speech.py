"""One file a language: how it says where somebody goes, and what it calls places and peoples."""

from __future__ import annotations

from pathlib import Path

import pytest

from guard import PackError
from guard.files import folder
from guard.norms.speech import Places, Speech, read_speech
from guard.norms.vocabulary import LANGUAGES_FOLDER
from guard.text.gazetteer import NameKind, Rank
from guard.text.languages import READ, bits
from guard.text.places import countries
from tests.norms.samples import write

LANGUAGES = read_speech(folder("policies") / "vocabulary" / LANGUAGES_FOLDER)


def test_a_language_of_a_few_words_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"name": "Polish", "countries": ["PL"], "roles": {"origin": {"before": ["z", "ze"]}}}, "pl.yaml")
    speech = read_speech(tmp_path)["pl"]
    assert speech.roles["origin"].before == ("z", "ze")
    assert speech.roles["origin"].after == speech.here == speech.ordinals.first == ()


def test_a_list_that_is_left_empty_is_an_empty_one(tmp_path: Path) -> None:
    write(tmp_path, "name: Polish\nhere:\nroles: {origin: {before: }}\n", "pl.yaml")
    assert read_speech(tmp_path)["pl"].roles["origin"].before == read_speech(tmp_path)["pl"].here == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: Polish\nrols: {}\n", "rols"),
        ("name: Polish\nroles: {goal: {before: [do]}}\n", "goal"),
        ("name: Polish\ndemonyms: {Poland: [Polak]}\n", "Poland"),
        ("name: Polish\nhere: u nas\n", "here"),
        ("countries: [PL]\n", "name"),
        ("[", "pl.yaml"),
    ],
)
def test_a_faulty_file_is_named_with_its_fault(tmp_path: Path, text: str, told: str) -> None:
    write(tmp_path, text, "pl.yaml")
    with pytest.raises(PackError, match=told) as caught:
        read_speech(tmp_path)
    assert "pl.yaml" in str(caught.value)


def test_what_a_language_calls_places_and_peoples_counts_in_it_alone() -> None:
    speech = Speech(name="Polish", demonyms={"JP": ("Japończyk",)}, places={"JP": ("Tokio",)})
    names = dict(speech.names("pl"))
    assert {key: (name.country, name.kind) for key, name in names.items()} == {
        "tokio": ("JP", NameKind.SIGHT),
        "japonczyk": ("JP", NameKind.PEOPLE),
    }
    assert {name.languages for name in names.values()} == {bits(["pl"])}
    assert {name.languages for _, name in speech.names("en")} == {0}, "English names are read everywhere"


def test_names_come_in_the_cases_of_their_language() -> None:
    speech = Speech(name="Russian", places={"TH": ("Паттайя",), "JP": ("Уэно",)}, changes={"я": ("и", "ю", "е")})
    assert {key for key, _ in speech.names("ru")} == {"паттайя", "паттайи", "паттайю", "паттайе", "уэно"}


def test_what_belongs_to_a_place_is_no_people() -> None:
    speech = Speech(name="Japanese", demonyms={"FR": ("フランス人", "フランスの")})
    assert [key for key, _ in speech.names("ja")] == ["フランス人"]


def test_names_that_travellers_use_in_any_language() -> None:
    places = Places(place=("Ha Long Bay",), airport=("NRT", "Narita Airport"), dish=("pho",), festival=("Tet",))
    named = dict(places.names("VN"))
    assert {name.country for name in named.values()} == {"VN"}
    assert named["nrt"].rank is Rank.CAPITAL, "a code is one in capitals"
    assert named["narita airport"].rank is Rank.SURE
    assert named["pho"].score < named["tet"].score < named["ha long bay"].score


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_file_is_of_a_language_that_is_read_and_of_countries_that_there_are(language: str) -> None:
    speech = LANGUAGES[language]
    assert language in READ
    assert {*speech.countries, *speech.demonyms, *speech.places} <= countries() | {"XK", "EU"}
    assert speech.roles.keys() >= {"destination", "origin"}, "whence and whither is the least"
    assert len(speech.demonyms) >= 30
    assert speech.people


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_words_of_one_role_are_not_words_of_its_opposite(language: str) -> None:
    roles = LANGUAGES[language].roles
    going, coming = (set(roles[role].before) for role in ("destination", "origin"))
    assert not going & coming
