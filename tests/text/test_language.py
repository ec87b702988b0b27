"""Which language a text is in."""

from __future__ import annotations

import pytest

from guard import Guard
from guard.text.languages import LANGUAGES, READ, bits, languages_of

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


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("de", "Was soll ich meinem Gastgeber in Japan mitbringen?"),
        ("it", "Che cosa devo portare a una cena a casa di un amico in Giappone?"),
        ("nl", "Wat moet ik meenemen naar een etentje bij mijn vriend in Japan?"),
        ("pl", "Co powinienem przynieść na kolację u przyjaciela w Japonii?"),
        ("tr", "Japonya'daki arkadaşımın evine yemeğe giderken ne götürmeliyim?"),
        ("vi", "Tôi nên mang gì khi đến ăn tối ở nhà bạn tôi tại Nhật Bản?"),
        ("el", "Τι να φέρω σε δείπνο στο σπίτι του φίλου μου στην Ιαπωνία;"),
        ("he", "מה כדאי להביא לארוחת ערב אצל חבר שלי ביפן?"),
        ("bn", "জাপানে আমার বন্ধুর বাড়িতে রাতের খাবারে কী নিয়ে যাওয়া উচিত?"),
        ("ta", "ஜப்பானில் என் நண்பரின் வீட்டிற்கு இரவு உணவிற்கு என்ன கொண்டு செல்ல வேண்டும்?"),
        ("hi-Latn", "mujhe japan mein apne dost ke ghar dinner par kya le jana chahiye"),
    ],
)
def test_other_languages_are_told_and_read(guard: Guard, language: str, question: str) -> None:
    assert languages_of(question)[0] == language
    assert guard.check(question).cultures[0]["code"] == "JP"


@pytest.mark.parametrize(
    "text",
    [
        "Hvað á ég að gefa gestgjafa mínum í veislunni?",
        "Kokią dovaną turėčiau atvežti šeimininkui?",
        "რა საჩუქარი უნდა წავიღო მასპინძელთან",
        "ಆತಿಥೇಯರಿಗೆ ಯಾವ ಉಡುಗೊರೆ ತರಬೇಕು",
    ],
)
def test_a_language_that_is_not_read_is_none_of_the_others(text: str) -> None:
    assert languages_of(text) == []


@pytest.mark.parametrize("text", ["", " ", "1234", "😀😀😀", "?!", "\u200f"])
def test_a_text_without_letters_is_in_no_language(text: str) -> None:
    assert languages_of(text) == []


def test_instructions_in_english_come_behind_the_question() -> None:
    assert languages_of("Answer in English. 我应该给上海的朋友带什么礼物？") == ["zh", "en"]
    assert languages_of("Please translate: Was soll ich meinem Gastgeber in Japan mitbringen?") == ["de", "en"]


def test_languages_as_bits() -> None:
    assert bits([]) == 0
    assert bits(["en", "en", "de"]) == bits(["en"]) | bits(["de"])
    assert len({bits([language]) for language in READ}) == len(READ)
    assert bits(["xx"]) == 0
