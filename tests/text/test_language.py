"""Which language a text is in."""

from __future__ import annotations

import pytest

from guard import Guard
from guard.text.languages import LANGUAGES, languages_of

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
    "text",
    ["Welches Geschenk soll ich meinem Gastgeber mitbringen?", "Arkadaşım için güzel bir hediye arıyorum"],
)
def test_a_language_that_is_not_supported_is_none_of_the_others(text: str) -> None:
    assert languages_of(text) == []
