"""Names found in texts."""

from __future__ import annotations

from guard.text.lexicon import Entry, Lexicon


def test_the_longest_name_wins_but_cultures_inside_it_count() -> None:
    lexicon = Lexicon()
    lexicon.add("clock", "en", Entry("concept", "clock", 0.9))
    lexicon.add("wall clock", "en", Entry("concept", "wall-clock", 0.9))
    lexicon.add("Chinese wall clock", "en", Entry("concept", "chinese-clock", 0.9))
    lexicon.add("Turkey", "en", Entry("culture", "TR", 0.9, "usual"))
    assert [e.value for e in lexicon.find("two wall clocks", ["en"])] == ["wall-clock"]
    assert [e.value for e in lexicon.find("roast turkey in Berlin", ["en"])] == []
    assert [e.value for e in lexicon.find("roast it in Turkey", ["en"])] == ["TR"]
    assert [e.value for e in lexicon.find("roast it in turkey", ["en"])] == ["TR"], (
        "no capitals at all: they tell nothing"
    )


def test_names_in_unspaced_scripts_are_found_inside_a_run() -> None:
    lexicon = Lexicon()
    lexicon.add("時計", "ja", Entry("concept", "clock", 0.9))
    lexicon.add("腕時計", "ja", Entry("concept", "watch", 0.9))
    assert [e.value for e in lexicon.find("この腕時計はどうですか", ["ja"])] == ["watch"]
    assert [e.value for e in lexicon.find("この時計は", ["ja"])] == ["clock"]
