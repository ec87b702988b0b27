"""Invented questions."""

from __future__ import annotations

import string

import yaml

from benchmarks.datasets.splits import protected_norms, read_links
from guard import Guard
from guard.text.languages import LANGUAGES
from tests.paths import ROOT
from training.scenarios import Scenarios

TEMPLATES = ROOT / "training" / "templates.yaml"


def test_invented_questions_keep_away_from_protected_norms_and_repeat_with_their_seed(guard: Guard) -> None:
    protected = protected_norms(read_links())
    made = list(Scenarios(guard.library, seed=3).make(each=1, leave_out=protected))
    again = list(Scenarios(guard.library, seed=3).make(each=1, leave_out=protected))
    assert made == again
    assert protected
    assert not {e.group.removeprefix("pack:") for e in made} & protected
    unaware = [e for e in made if e.sensitive]
    assert len(unaware) * 2 == len(made)
    assert all(e.relevant and e.relevant[e.group.removeprefix("pack:")] == 1.0 for e in unaware)
    assert all(e.relevant == {} for e in made if not e.sensitive)
    assert not [e for e in made if "{" in e.query]


def test_harmless_twins_are_about_things_of_which_no_norm_of_the_country_speaks(guard: Guard) -> None:
    scenarios = Scenarios(guard.library)
    spoken = {id_ for norm in guard.library.of_country("CN") for id_ in norm.visual}
    free = scenarios._unspoken("CN")
    assert free
    assert not spoken & set(free)
    assert not [id_ for id_ in free if spoken & set(guard.library.vocabulary.broader(id_))]


def test_every_language_has_every_kind_of_frame_and_only_known_slots() -> None:
    frames = yaml.safe_load(TEMPLATES.read_text(encoding="utf-8"))
    assert set(frames) == set(LANGUAGES)
    for language, kinds in frames.items():
        assert set(kinds) == set(frames["en"]), language
        for frame in (frame for some in kinds.values() for frame in some):
            slots = {name for _, name, _, _ in string.Formatter().parse(frame) if name}
            assert slots <= {"thing", "place", "occasion"}, frame
