"""Names of things and occasions found in texts."""

from __future__ import annotations

from guard.text.lexicon import ANY, NOTHING, Entry, Lexicon


def lexicon(**names: str) -> Lexicon:
    """One of English names of things: `wall_clock` is "wall clock"."""
    made = Lexicon()
    for name, id_ in names.items():
        made.add(name.replace("_", " "), "en", Entry("concept", id_, 0.9))
    return made


def found(lexicon: Lexicon, text: str, *languages: str) -> list[str]:
    return [one.entry.value for one in lexicon.find(text, languages or ["en"])]


def test_the_longest_name_of_a_kind_wins() -> None:
    names = lexicon(clock="clock", wall_clock="wall-clock", wall="wall")
    assert found(names, "two wall clocks") == ["wall-clock"]
    assert found(names, "a clock on the wall") == ["clock", "wall"]
    names.add("wall clock", "en", Entry("situation", "shopping", 0.9))
    names.add("clock", "en", Entry("intent", "time", 0.9))
    assert found(names, "two wall clocks") == ["wall-clock", "shopping", "time"], "one of another kind is not hidden"


def test_where_in_the_text_a_name_stands() -> None:
    text = "Are wall clocks fine?"
    (one,) = lexicon(wall_clock="wall-clock").find(text, ["en"])
    assert text[one.start : one.end] == "wall clocks"
    assert one.entry == Entry("concept", "wall-clock", 0.9)


def test_names_in_unspaced_scripts_are_found_inside_a_run() -> None:
    names = Lexicon()
    names.add("時計", "ja", Entry("concept", "clock", 0.9))
    names.add("腕時計", "ja", Entry("concept", "watch", 0.9))
    assert found(names, "この腕時計はどうですか", "ja") == ["watch"]
    assert found(names, "この時計は", "ja") == ["clock"]
    (one,) = names.find("Is この腕時計は nice?", ["en"])
    assert (one.start, one.end) == (5, 8)


def test_a_word_of_everyday_speech_stands_for_nothing_unless_it_is_written_so() -> None:
    names = Lexicon()
    names.add("dés", "fr", Entry("concept", "dice", 0.9))
    assert found(names, "je cherche des cadeaux", "fr") == []
    assert found(names, "je cherche les dés", "fr") == ["dice"]


def test_a_fixed_expression_is_told_beside_the_words_in_it() -> None:
    names = lexicon(king="king", bed="bed")
    names.add("king-size", "en", Entry(NOTHING, "", 0.0))
    assert found(names, "a king-size bed") == ["", "king", "bed"]
    assert found(names, "a bed for the king") == ["bed", "king"]


def test_names_of_other_languages_are_found_where_they_are_asked_for() -> None:
    names = lexicon(teacup="teacup")
    names.add("Guelaguetza", ANY, Entry("norm", "mx.festival.guelaguetza", 0.9))
    assert found(names, "ein teacup zur Guelaguetza", "de") == ["mx.festival.guelaguetza"]
    both = [one.entry.value for one in names.find("ein teacup zur Guelaguetza", ["de"], also=("en",))]
    assert both == ["teacup", "mx.festival.guelaguetza"]


def test_what_is_kept_finds_the_same_and_the_later_counts() -> None:
    names = lexicon(clock="clock", wall_clock="wall-clock")
    names.add("時計", "ja", Entry("concept", "clock", 0.9))
    names.add("dés", "fr", Entry("concept", "dice", 0.9))
    text = "時計 and wall clocks, les dés"
    kept = Lexicon(names.parts())
    assert list(kept.find(text, ["en", "fr"])) == list(names.find(text, ["en", "fr"]))
    over = lexicon(clock="watch")
    assert found(Lexicon(names.parts(), over.parts(below=names)), "a clock") == ["watch"]


def test_of_one_name_for_one_thing_the_surer_counts() -> None:
    names = Lexicon()
    for score in (0.5, 0.9, 0.7):
        names.add("clock", "en", Entry("concept", "clock", score))
    assert [one.entry.score for one in names.find("a clock", ["en"])] == [0.9]
