"""Short lists of words, over languages, that the reader goes by: ``words.yaml``."""

from __future__ import annotations

from pathlib import Path

from guard.errors import PackError
from guard.files import read_yaml

_LISTS = read_yaml(Path(__file__).with_suffix(".yaml"), PackError)


def _listed(name: str) -> frozenset[str]:
    return frozenset(map(str, _LISTS[name]))


PERSONS = _listed("persons")
GIVEN = _listed("given")
TITLES = _listed("titles")
FIRST_PERSON = _listed("first_person")
LOCATIVE = _listed("locative")
FUNCTION = _listed("function")
FIRST_NAMES = _listed("first_names")
