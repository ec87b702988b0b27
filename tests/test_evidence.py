"""What is noticed in texts and pictures."""

from __future__ import annotations

import io
import itertools

import pytest
from PIL import Image as Pillow

from guard import Exchange, Guard, Hints, Image, ImageError, Turn
from guard.evidence.gather import Gatherer
from guard.pictures.decode import PictureCache, decode
from guard.pictures.remote import is_globally_routable
from guard.text.languages import LANGUAGES, languages_of
from guard.text.lexicon import Entry, Lexicon
from guard.text.places import countries, country_at, country_name
from guard.text.words import fold, stems
from guard.types import Evidence, Findings

QUESTIONS = {
    "en": "What should I bring to a dinner at my friend's home in Japan?",
    "es": "¿Qué debo llevar a una cena en casa de mi amigo en Japón?",
    "fr": "Que dois-je apporter à un dîner chez mon ami au Japon ?",
    "pt": "O que devo levar a um jantar na casa do meu amigo no Japão?",
    "ru": "Что мне принести на ужин к моему другу в Японии?",
    "zh": "去日本朋友家吃晚饭应该带什么？",
    "ja": "日本の友人の家での夕食に何を持って行けばいいですか？",
    "ko": "일본에 있는 친구 집 저녁 식사에 무엇을 가져가야 하나요?",
    "th": "ฉันควรเอาอะไรไปทานอาหารเย็นที่บ้านเพื่อนในญี่ปุ่น",
    "hi": "मुझे जापान में अपने दोस्त के घर रात के खाने पर क्या ले जाना चाहिए?",
    "id": "Apa yang harus saya bawa ke makan malam di rumah teman saya di Jepang?",
    "ar": "ماذا أحضر معي إلى العشاء في منزل صديقي في اليابان؟",
    "fa": "برای شام در خانه دوستم در ژاپن چه چیزی باید ببرم؟",
    "am": "በጃፓን ጓደኛዬ ቤት ለእራት ምን ይዤ ልሂድ?",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_language_and_country_in_every_language(guard: Guard, language: str) -> None:
    question = QUESTIONS[language]
    assert languages_of(question)[0] == language
    assert guard.check(question).cultures[0]["code"] == "JP"


@pytest.mark.parametrize("language", LANGUAGES)
def test_country_names_do_not_meet_each_other(guard: Guard, language: str) -> None:
    """Stems of two countries' names must differ, or one would be taken for the other."""
    for code in ("JP", "CN", "IN", "TH", "ID", "IR", "SA", "EG", "MA", "ET", "NG", "RU", "FR", "BR", "MX", "AR"):
        found = {
            e.value for e in guard.library.lexicon.find(country_name(code, language), [language]) if e.kind == "culture"
        }
        assert found == {code}, (language, country_name(code, language))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("My friend in Osaka is getting married.", "JP"),
        ("Что подарить другу в Киото?", "JP"),
        ("من صديق في القاهرة", "EG"),
        ("A dinner for 3000 yen", "JP"),
        ("我在上海的同事", "CN"),
        ("Diwali at my neighbour's", "IN"),
        ("my Japanese colleague", "JP"),
        ("regalo para mi colega japonesa", "JP"),
        ("подарок японскому другу", "JP"),
        ("a trip to the U.K. and back", "GB"),
    ],
)
def test_destinations_that_are_implied(guard: Guard, text: str, code: str) -> None:
    assert guard.check(text).cultures[0]["code"] == code


@pytest.mark.parametrize(
    "text",
    [
        "How long do I roast a turkey with chestnuts?",
        "a nice bath towel, most of all",
        "Write a Python function that returns the present value",
        "The reading list is mobile first, of course",
        "Try to explain your answer. All of it in PHP or CAD.",
    ],
)
def test_common_words_are_no_places(guard: Guard, text: str) -> None:
    assert guard.check(text).cultures == ()


def test_where_somebody_comes_from_is_not_where_they_go(guard: Guard) -> None:
    decision = guard.check("I'm from Germany and will visit a family in Japan. What gift should I bring?")
    assert [culture["code"] for culture in decision.cultures[:2]] == ["JP", "DE"]
    assert decision.cultures[1]["score"] < 0.5


def test_a_hint_and_the_text_are_both_considered_the_text_first(guard: Guard) -> None:
    exchange = Exchange.of("What gift should I bring to a family in Japan?", hints=Hints(country="DE"))
    assert [culture["code"] for culture in guard.check(exchange).cultures[:2]] == ["JP", "DE"]


def test_evidence_from_independent_sources_adds_up() -> None:
    pieces = [Evidence("culture", "JP", 0.5, "text"), Evidence("culture", "JP", 0.4, "text")]
    assert Findings.weigh(pieces).cultures == {"JP": 0.5}
    assert Findings.weigh([*pieces, Evidence("culture", "JP", 0.5, "exif")]).cultures == {"JP": 0.75}


def test_a_failing_source_is_reported_and_costs_the_others_nothing(guard: Guard) -> None:
    gather = Gatherer(guard.library, PictureCache())

    def broken(exchange: Exchange) -> list[Evidence]:
        raise RuntimeError("boom")

    gather._sources["caption"] = broken
    findings = gather(Exchange.of("A gift for Japan"))
    assert findings.degraded == ["caption"]
    assert "JP" in findings.cultures


def test_earlier_turns_and_the_system_prompt_count_less(guard: Guard) -> None:
    turns = (
        Turn("system", "You are the assistant of a travel agency for Japan."),
        Turn("user", "I travel to Thailand next week."),
        Turn("assistant", "Enjoy!"),
        Turn("user", "Actually it is China. What gift?"),
    )
    codes = [culture["code"] for culture in guard.check(Exchange(turns)).cultures]
    assert codes[:3] == ["CN", "TH", "JP"]


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


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "😀😀😀",
        "\u200f\u202e",
        "a" * 100_000,
        "日" * 50_000,
        "0 1 2 3",
        "ß ﬁ ﷺ İ",
        "\ud800 lone",
        "कि" * 9000,
        "﷽" * 20_000,
    ],
)
def test_odd_texts_do_no_harm(guard: Guard, text: str) -> None:
    assert guard.check(text).action == "pass"


def test_mixed_scripts_and_direction_marks(guard: Guard) -> None:
    decision = guard.check("هدية \u200fwall clock\u200e لصديقي في 上海")
    assert decision.cultures[0]["code"] == "CN"
    assert "wall-clock" in decision.concepts


def test_folding_keeps_hangul_and_kana_whole() -> None:
    assert fold("선물 ガギグ Ésta") == "선물 ガギグ esta"
    assert stems("regalos japonesas", "es") == ["regal", "japones"]
    assert len(fold("한국")) == 2


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


def jpeg(size: tuple[int, int] = (80, 60), exif: Pillow.Exif | None = None) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", size, "white").save(buffer, "JPEG", exif=Pillow.Exif() if exif is None else exif)
    return buffer.getvalue()


def with_gps(latitude: tuple[float, ...], north: str, longitude: tuple[float, ...], east: str) -> bytes:
    exif = Pillow.Exif()
    exif.get_ifd(0x8825).update({1: north, 2: latitude, 3: east, 4: longitude})
    return jpeg(exif=exif)


def test_where_a_photo_was_taken(guard: Guard) -> None:
    photo = with_gps((35, 0, 41.6), "N", (135, 46, 5), "E")  # Kyoto
    picture = decode(photo)
    assert picture.location == pytest.approx((35.0116, 135.768), abs=1e-3)
    decision = guard.check(Exchange.of("What should I wear here?", images=[Image(data=photo)]))
    assert decision.cultures[0] == {"code": "JP", "score": 0.8, "from": "exif"}


@pytest.mark.parametrize(
    "gps",
    [
        ((95, 0, 0), "N", (10, 0, 0), "E"),
        ((10, 99999, 0), "N", (10, 0, 0), "E"),
        ((0, 0, 0), "N", (0, 0, 0), "E"),
    ],
)
def test_positions_out_of_range_give_no_evidence(gps: tuple[tuple[float, ...], str, tuple[float, ...], str]) -> None:
    assert decode(with_gps(*gps)).location is None


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF"])
def test_formats(format_: str) -> None:
    buffer = io.BytesIO()
    Pillow.new("RGB", (900, 300), "green").save(buffer, format_)
    picture = decode(buffer.getvalue())
    assert (picture.format, picture.size, picture.thumbnail.mode) == (format_, (900, 300), "RGB")
    assert picture.thumbnail.size == (384, 128)


def test_heic() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(Pillow.new("RGB", (64, 32), "green")).save(buffer)
    assert decode(buffer.getvalue()).size == (64, 32)


def test_photos_are_turned_upright() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    assert decode(jpeg((80, 60), exif)).thumbnail.size == (60, 80)


def test_transparent_pictures_lie_on_white() -> None:
    buffer = io.BytesIO()
    Pillow.new("RGBA", (8, 8), (255, 0, 0, 0)).save(buffer, "PNG")
    assert decode(buffer.getvalue()).thumbnail.getpixel((0, 0)) == (255, 255, 255)


def test_every_cut_of_a_photo_is_an_image_error() -> None:
    whole = jpeg((300, 200))
    for length in itertools.chain(range(0, 40), range(40, len(whole) - 20, 97)):
        with pytest.raises(ImageError):
            decode(whole[:length])


def test_a_picture_seen_before_is_not_decoded_again() -> None:
    cache = PictureCache(size=2)
    first, second, third = jpeg((10, 10)), jpeg((20, 10)), jpeg((30, 10))
    picture = cache.decode(first)
    assert cache.decode(first) is picture
    cache.decode(second)
    cache.decode(third)
    assert cache.decode(first) is not picture


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("::ffff:10.0.0.1", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
    ],
)
def test_private_addresses_are_told_from_public_ones(address: str, public: bool) -> None:
    assert is_globally_routable(address) is public


@pytest.mark.parametrize(
    "text",
    ["Welches Geschenk soll ich meinem Gastgeber mitbringen?", "Arkadaşım için güzel bir hediye arıyorum"],
)
def test_a_language_that_is_not_supported_is_none_of_the_others(text: str) -> None:
    assert languages_of(text) == []
