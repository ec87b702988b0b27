"""What one text names: places and what they are to the question, acts and things."""

from __future__ import annotations

import pytest

from guard.norms.library import Library
from guard.norms.model import Pack
from guard.norms.vocabulary import Vocabulary
from guard.reading.reader import Reader
from guard.reading.roles import WEIGHTS
from guard.text.gazetteer import NameKind
from tests.norms.samples import norm, pack
from tests.reading.samples import fault, places, roles


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("I'm from Germany and will visit Japan.", {"DE": "home", "JP": "destination"}),
        ("I live in Vienna and fly to Bangkok.", {"AT": "residence", "TH": "destination"}),
        ("Flying via Istanbul to Hanoi", {"TR": "transit", "VN": "destination"}),
        ("flying to Hanoi with a layover in Seoul", {"VN": "destination", "KR": "transit"}),
        ("We just came back from Peru; now we plan Chile.", {"PE": "former", "CL": "mention"}),
        ("We used to live in Japan and go to Kenya now.", {"JP": "former", "KE": "destination"}),
        ("instead of Japan we're going to Vietnam", {"JP": "negated", "VN": "destination"}),
        ("Change of plan: Vietnam instead of Laos", {"VN": "mention", "LA": "negated"}),
        ("unlike in Japan, in Vietnam one pours", {"JP": "compared", "VN": "destination"}),
        ("homework: the history of Japan", {"JP": "topic"}),
        ("Write a short story set in Japan.", {"JP": "topic"}),
        ("My parents are from India but we're visiting Japan.", {"IN": "community", "JP": "destination"}),
        ("What do we cook? Our guests are from Japan.", {"JP": "community"}),
        ("a dinner for my Japanese in-laws in Ohio", {"JP": "community", "US": "destination"}),
        ("As a German in Thailand, what do I wear?", {"DE": "home", "TH": "destination"}),
        ("I am Japanese and my neighbour is Indian.", {"JP": "home", "IN": "community"}),
        ("French perfume for a friend in Japan", {"FR": "goods", "JP": "destination"}),
        ("a Korean mask and Indian tea for our party", {"KR": "goods", "IN": "goods"}),
        ("Not Japan, Korea this time.", {"JP": "negated", "KR": "mention"}),
        ("Not Korea but Japan.", {"KR": "negated", "JP": "mention"}),
        ("Am I back from Morocco, leaving for India?", {"MA": "former", "IN": "destination"}),
        ("A gift for my host in Shanghai?", {"CN": "destination"}),
    ],
)
def test_what_a_place_is_to_a_question(reader: Reader, text: str, wanted: dict[str, str]) -> None:
    assert roles(reader(text)) == wanted


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        ("de", "Ich fliege von Berlin nach Japan. Was nehme ich mit?", {"DE": "home", "JP": "destination"}),
        ("de", "Wir waren letztes Jahr in Peru und fliegen nach Chile.", {"PE": "former", "CL": "destination"}),
        ("de", "Ich fliege nicht nach Japan, sondern nach Vietnam.", {"JP": "negated", "VN": "destination"}),
        ("de", "Wir fliegen über Istanbul nach Hanoi.", {"TR": "transit", "VN": "destination"}),
        ("fr", "Je viens de France et je vais au Japon.", {"FR": "home", "JP": "destination"}),
        ("fr", "Je ne vais pas au Japon mais en Inde.", {"JP": "negated", "IN": "destination"}),
        ("es", "Soy de México y voy a Japón, ¿qué regalo llevo?", {"MX": "home", "JP": "destination"}),
        ("es", "vuelo a Tokio con escala en Dubái", {"JP": "destination", "AE": "transit"}),
        ("pt", "Sou do Brasil e vou para o Japão.", {"BR": "home", "JP": "destination"}),
        ("it", "Vado da Roma a Tokyo la prossima settimana.", {"IT": "home", "JP": "destination"}),
        ("nl", "Ik kom uit Nederland en ga naar Indonesië op reis.", {"NL": "home", "ID": "destination"}),
        ("ru", "Я из России и лечу в Японию. Что подарить?", {"RU": "home", "JP": "destination"}),
        ("ru", "Мы летим через Стамбул во Вьетнам.", {"TR": "transit", "VN": "destination"}),
        ("ru", "Мы вернулись из Египта, теперь едем в Индию.", {"EG": "former", "IN": "destination"}),
        ("cs", "Letím z Prahy do Tokia, co si mám vzít na sebe?", {"CZ": "home", "JP": "destination"}),
        ("sv", "Jag kommer från Sverige och reser till Thailand.", {"SE": "home", "TH": "destination"}),
        ("ar", "أنا من مصر وأسافر إلى اليابان", {"EG": "home", "JP": "destination"}),
        ("fa", "من از ایران هستم و به ژاپن می‌روم", {"IR": "home", "JP": "destination"}),
        ("hi", "मैं भारत से हूँ और जापान जा रहा हूँ", {"IN": "home", "JP": "destination"}),
        ("he", "אני מישראל ונוסע ליפן בשבוע הבא", {"IL": "home", "JP": "destination"}),
        ("id", "Saya dari Indonesia dan akan ke Jepang", {"ID": "home", "JP": "destination"}),
        ("th", "ฉันมาจากไทย จะไปญี่ปุ่น", {"TH": "home", "JP": "destination"}),
        ("ja", "ドイツから来て、来月エジプトへ行きます", {"DE": "home", "EG": "destination"}),
        ("ja", "トルコ経由でエジプトに行きます", {"TR": "transit", "EG": "destination"}),
        ("zh", "经伊斯坦布尔转机去埃及旅行", {"TR": "transit", "EG": "destination"}),
        ("ko", "한국 말고 일본에 가요", {"KR": "negated", "JP": "destination"}),
        ("zh", "我从中国去日本", {"CN": "home", "JP": "destination"}),
        fault(
            "fr",
            "Nous rentrons du Maroc et partons en Inde.",
            {"MA": "former", "IN": "destination"},
            reason="rentrer de",
        ),
        fault(
            "vi",
            "Tôi đến từ Lào và sẽ đi Nhật Bản",
            {"LA": "home", "JP": "destination"},
            reason="both words are everyday",
        ),
    ],
)
def test_whence_and_whither_in_other_languages(
    reader: Reader, language: str, text: str, wanted: dict[str, str]
) -> None:
    assert roles(reader(text, [language])) == wanted


@pytest.mark.parametrize(
    ("language", "text", "wanted", "name"),
    [
        ("ko", "상하이에 있는 친구", ("CN", "destination"), "상하이"),
        ("ko", "도쿄에 사는 친구", ("JP", "residence"), "도쿄"),
        ("tr", "Tokyo'da ne giymeliyim?", ("JP", "destination"), "Tokyo"),
        ("tr", "Japonya’dan geldim", ("JP", "home"), "Japonya"),
        ("fi", "Menen Tokioon", ("JP", "destination"), "Tokio"),
        ("fi", "Menen Helsinkiin", ("FI", "destination"), "Helsinki"),
        ("hu", "Budapestről indulunk", ("HU", "home"), "Budapest"),
        ("pl", "Jestem w Tokio, co ubrać?", ("JP", "destination"), "Tokio"),
        ("ru", "Что надеть в Праге?", ("CZ", "destination"), "Праге"),
        ("he", "אני נוסע ליפן", ("JP", "destination"), "יפן"),
    ],
)
def test_what_a_language_writes_onto_a_name(
    reader: Reader, language: str, text: str, wanted: tuple[str, str], name: str
) -> None:
    (mention,) = places(reader(text, [language]))
    assert (mention.value, mention.role) == wanted
    assert text[mention.start : mention.end] == name


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("We go to Turkey and eat.", ["TR"]),
        ("How long do I roast a turkey?", []),
        ("roast turkey in Berlin", ["DE"]),
        ("a set of fine china for a colleague in Osaka", ["JP"]),
        ("We will be in Nice for a wedding.", ["FR"]),
        ("I love Nice", ["FR"]),
        ("Nice! I like it a lot.", []),
        ("Nice is what she said.", []),
        ("Reading in bed is fun.", []),
        ("Bath towels are on sale.", []),
        ("We stay in Bath for the wedding.", ["GB"]),
        ("IS IT RUDE TO TIP IN JAPAN", ["JP"]),
        ("is it rude to tip in japan", ["JP"]),
        ("i live in tokyo", ["JP"]),
        ("Brazil nuts and a Panama hat", []),
        ("french fries with ketchup", []),
        ("The Spanish Steps in Rome", ["IT", "IT"]),
        ("Is it fine to eat during Ramadan?", []),
        ("Is that right for Eid?", []),
        ("New Zealand wedding gift ideas", ["NZ"]),
        ("what to wear in the united states", ["US"]),
        ("China trip next week, what gift?", ["CN"]),
        ("a trip to the U.K. and back", ["GB"]),
        ("We fly to South Korea and to Korea.", ["KR", "KR"]),
    ],
)
def test_names_that_are_words_as_well(reader: Reader, text: str, codes: list[str]) -> None:
    assert [mention.value for mention in places(reader(text, ["en"]))] == codes


@pytest.mark.parametrize(
    ("language", "text", "codes"),
    [
        ("ru", "Я хочу того же самого", []),
        ("ru", "Мы едем в Того", ["TG"]),
        ("id", "Saya akan makan", []),
        ("fr", "des cadeaux pour nos amis", []),
        ("de", "Was gibt es heute zum Essen?", []),
        ("ja", "今日本店に行きました", []),
        ("ja", "スパイスをください", []),
        ("zh", "去上海看朋友", ["CN"]),
        ("pl", "Lecę do Tokio", ["JP"]),
        ("ko", "일본에 가요", ["JP"]),
    ],
)
def test_words_of_other_languages_that_look_like_names(
    reader: Reader, language: str, text: str, codes: list[str]
) -> None:
    read = reader(text, [language])
    assert [mention.value for mention in places(read)] == codes
    assert "sword" not in {mention.value for mention in read.mentions}


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("London, Ontario", ["CA"]),
        ("We live in London, Ontario.", ["CA"]),
        ("Athens (Georgia)", ["US"]),
        ("Visiting Athens, Georgia", ["US"]),
        ("Paris, Texas", ["US"]),
        ("Birmingham, Alabama", ["US"]),
        ("Valencia in Venezuela", ["VE"]),
        ("Granada in Nicaragua", ["NI"]),
        ("We fly to London.", ["GB"]),
        ("We fly to Athens.", ["GR"]),
        ("We fly to London and to Toronto.", ["GB", "CA"]),
    ],
)
def test_namesakes(reader: Reader, text: str, codes: list[str]) -> None:
    assert list(roles(reader(text, ["en"]))) == codes


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("My friend Chad likes cakes.", []),
        ("Sydney Sweeney wore that dress.", []),
        ("Paris Hilton wears this.", []),
        ("Jordan is my cousin.", []),
        ("Her name is Sofia.", []),
        ("I'm going to Sydney in May.", ["AU"]),
        ("We're going to Jordan in May.", ["JO"]),
        ("Michael Jordan came in shorts.", []),
        ("Hassan has invited us on Thursday, in March.", []),
        ("Papa's knees hurt. Which side of the river has shade?", []),
        ("Thursday is no good for me, but March would be.", []),
        ("We take the train to Hassan in India.", ["IN", "IN"]),
        ("My name's Jordan, flying to Seoul", ["KR"]),
        fault("I met Mr. London at work.", [], reason="the full stop parts the title from the name"),
    ],
)
def test_people_who_are_called_like_places(reader: Reader, text: str, codes: list[str]) -> None:
    assert [mention.value for mention in places(reader(text, ["en"]))] == codes


@pytest.mark.parametrize(
    ("text", "written", "code"),
    [
        ("#visitjapan soon", "japan", "JP"),
        ("#parisfood is great", "paris", "FR"),
        ("#JapanTrip2026 what do I wear?", "Japan", "JP"),
        ("#dubaimarina tonight", "dubai", "AE"),
        ("we go to kyotto in may", "kyotto", "JP"),
        ("a hotel in Bankok", "Bankok", "TH"),
        ("i go to istambul tomorow", "istambul", "TR"),
        ("in Ja\u2060pan", "Ja\u2060pan", "JP"),
        ("a visit to ＴＯＫＹＯ", "ＴＯＫＹＯ", "JP"),
        ("to Viet\u00adnam", "Viet\u00adnam", "VN"),
    ],
)
def test_names_as_they_are_typed(reader: Reader, text: str, written: str, code: str) -> None:
    (mention,) = places(reader(text, ["en"]))
    assert mention.value == code
    assert text[mention.start : mention.end] == written


def test_a_name_with_a_letter_wrong_is_less_sure(reader: Reader) -> None:
    wrong, right = (places(reader(f"We go to {name} in May.", ["en"]))[0] for name in ("Kyotto", "Kyoto"))
    assert wrong.score < right.score


@pytest.mark.parametrize(
    ("language", "text", "thing", "there"),
    [
        ("en", "a mosque visit without a headscarf in Doha", "headscarf", False),
        ("en", "a mosque visit with a headscarf in Doha", "headscarf", True),
        ("en", "no pork please for our guests", "pork", False),
        ("en", "No, pork is fine for our guests", "pork", True),
        ("de", "Ohne Alkohol feiern in Dubai?", "alcohol", False),
        ("es", "sin cerdo para mis invitados", "pork", False),
        ("fr", "un repas sans porc", "pork", False),
        ("ru", "ужин без свинины", "pork", False),
    ],
)
def test_things_that_are_not_there(reader: Reader, language: str, text: str, thing: str, there: bool) -> None:
    (role,) = {m.role for m in reader(text, [language]).mentions if (m.kind, m.value) == ("concept", thing)}
    assert role == (None if there else "absent")


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("Could you tell me whether I may kiss the bride?", "kiss"),
        ("Is it fine to shake hands with women?", "shake-hands"),
        ("Would it be terribly impolite if I were to refuse the food?", "refuse"),
        ("Would you mind telling me if we may take photos of monks?", "photograph"),
        ("is it rude to tip", "tip"),
        ("What does one wear?", "wear"),
    ],
)
def test_acts_inside_polite_phrases(reader: Reader, text: str, act: str) -> None:
    assert act in {mention.value for mention in reader(text, ["en"]).mentions if mention.kind == "act"}


def test_mentions_are_in_order_and_stand_where_they_say(reader: Reader) -> None:
    text = "Ti\u00adp the ﬁne waiter in Tokyo, or give him a wall clock?"
    mentions = reader(text, ["en"]).mentions
    assert [mention.start for mention in mentions] == sorted(mention.start for mention in mentions)
    written = {mention.value: text[mention.start : mention.end] for mention in mentions}
    assert written["JP"] == "Tokyo"
    assert written["wall-clock"] == "wall clock"


@pytest.mark.parametrize(
    ("text", "which"),
    [
        ("What do I wear at the second one?", "second"),
        ("And at the first stop?", "first"),
        ("What about the last one?", "last"),
        ("What can I do during the layover?", "transit"),
        ("What do I wear?", None),
    ],
)
def test_which_of_several_places_is_pointed_at(reader: Reader, text: str, which: str | None) -> None:
    assert reader(text, ["en"]).ordinal == which


def test_the_askers_own_country_and_changes(reader: Reader) -> None:
    assert reader("Is that done in my country?", ["en"]).here
    assert not reader("Is that done in her country?", ["en"]).here
    text = "We go to Laos, change of plan, Vietnam"
    assert text.index("change of plan") in reader(text, ["en"]).changes
    assert reader("We go to Laos and Vietnam", ["en"]).changes == []


def test_the_kind_of_a_name(reader: Reader) -> None:
    kinds = {m.value: m.named for m in places(reader("From Japan to Hanoi with my Indian friends", ["en"]))}
    assert kinds == {"JP": NameKind.COUNTRY, "VN": NameKind.CITY, "IN": NameKind.PEOPLE}


def test_a_packs_own_words_point_to_its_country() -> None:
    cues = {"festivals": {"en": ["Thingmas"]}}
    made = Pack.model_validate(pack(norm(terms=["thingwreath"])) | {"cues": cues})
    read = Reader(Library({"XX": made}, Vocabulary()))("A thingwreath for Thingmas?", ["en"])
    assert {mention.named for mention in places(read)} == {NameKind.LIFE, NameKind.FESTIVAL}
    assert "xx.gift.things" in {mention.value for mention in read.mentions if mention.kind == "norm"}


@pytest.mark.parametrize("text", ["", " ", "\n", "😀", "!?", "1234", "\u2060\u00ad", "\ud800"])
def test_texts_without_words_say_nothing(reader: Reader, text: str) -> None:
    assert reader(text).mentions == []


def test_a_language_may_be_unknown(reader: Reader) -> None:
    read = reader("Hvað á ég að gefa gestgjafa mínum í Japan í veislunni?")
    assert read.languages == []
    assert roles(read).get("JP") == "mention"
    assert "JP" in roles(reader("They fly to Japan", ["xx"]))


def test_small_words_are_no_names_where_the_language_is_unknown(reader: Reader) -> None:
    assert list(roles(reader("We fly to Japan", []))) == ["JP"]


def test_weights_say_what_counts_most() -> None:
    assert WEIGHTS["destination"] == 1.0
    assert WEIGHTS["community"] > 0.9
    assert WEIGHTS["negated"] == 0.0
    assert max(weight for role, weight in WEIGHTS.items() if role not in ("destination", "community", "mention")) <= 0.5
