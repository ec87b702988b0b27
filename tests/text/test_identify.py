"""Which languages a text is in, and how much of it."""

from __future__ import annotations

import time

import pytest

from guard.text.identify import Spoken, identify


def languages(text: str) -> list[str]:
    return [spoken.language for spoken in identify(text)]


NEIGHBOURS = {
    "uk": ["Чи можна зайти до храму у взутті?", "Скажіть, будь ласка, де тут зупинка автобуса"],
    "ru": ["Можно ли зайти в храм в обуви?", "Подскажите, пожалуйста, где тут остановка автобуса"],
    "bg": ["Мога ли да вляза в храма с обувки?", "Кажете ми, моля, къде е спирката на автобуса"],
    "sr": ["Да ли могу да уђем у храм у ципелама?", "Da li smem da uđem u hram u cipelama?",
           "gde je ovde autobuska stanica molim vas"],
    "ur": ["کیا میں جوتے پہن کر مسجد میں جا سکتا ہوں؟", "مجھے بتائیں بس کہاں سے ملے گی"],
    "fa": ["آیا می‌توانم با کفش وارد مسجد شوم؟", "لطفا بگویید ایستگاه اتوبوس کجاست"],
    "ar": ["هل يمكنني دخول المسجد بالحذاء؟", "لو سمحت فين محطة الاتوبيس"],
    "ms": ["Bolehkah saya masuk ke masjid dengan kasut?", "macam mana nak pergi stesen bas dari sini"],
    "id": ["Apakah saya bisa masuk masjid pakai sepatu?", "gimana caranya ke halte bus dari sini"],
    "no": ["Kan jeg gå inn i kirken med sko på meg?",
           "Hva er det vanlig å ta med seg når man er bedt på middag hjem til noen?"],
    "da": ["Må man gå ind i kirken med sko på?",
           "Hvad plejer man at tage med, når man er inviteret til middag hos nogen?"],
    "sv": ["Får man gå in i kyrkan med skor på sig?",
           "Vad brukar man ta med sig när man är bjuden på middag hemma hos någon?"],
    "cs": ["Můžu jít do kostela v botách?", "muzete mi prosim rict kde je zastavka autobusu"],
    "hi": ["क्या मैं जूते पहनकर मंदिर जा सकता हूँ?"],
    "mr": ["मी चप्पल घालून देवळात जाऊ शकतो का?"],
    "ne": ["के म जुत्ता लगाएर मन्दिर भित्र जान सक्छु?"],
    "es": ["¿Puedo entrar en la iglesia con zapatos?", "que le regalo a mi suegra por su cumpleanos"],
    "pt": ["Posso entrar na igreja de sapatos?", "o que eu levo de presente para a minha sogra"],
    "it": ["Posso entrare in chiesa con le scarpe?", "cosa regalo a mia suocera per il compleanno"],
    "ro": ["Pot să intru în biserică încălțat?", "ce ii iau cadou soacrei de ziua ei"],
    "fr": ["Puis-je entrer dans l'église avec des chaussures ?", "je lui offre quoi a ma belle mere"],
    "nl": ["Mag ik met schoenen de kerk in?", "wat neem ik mee als ik bij iemand ga eten"],
    "de": ["Darf ich mit Schuhen in die Kirche?", "was bringt man mit wenn man zum essen eingeladen ist"],
    "zh": ["我可以穿鞋进去吗？", "去朋友家吃飯要帶什麼禮物"],
    "ja": ["靴を履いたまま入ってもいいですか？", "温泉御利用案内"],
    "hi-Latn": ["kya main joote pehen ke mandir ja sakta hoon", "dost ki shaadi me kya gift du yaar"],
    "ar-Latn": ["3ayez a3raf yenfa3 albes short henak wala la2", "ana raye7 3and sa7bi bokra agib eh ma3aya"],
    "fa-Latn": ["farda mehmooni daram chi bayad bebaram", "mitoonam ba kafsh beram too masjed ya na"],
    "zh-Latn": ["wo mingtian qu pengyou jia yinggai dai shenme dongxi", "qing wen zheli keyi paizhao ma"],
    "ja-Latn": ["tomodachi no ie ni iku toki nani wo motte ikeba ii desu ka", "kutsu wo nuganakereba narimasen ka"],
    "ko-Latn": ["chingu jibe gal ttae mwo gajyeogayo", "sinbal beoseoya dwaeyo algo sipeoyo"],
    "th-Latn": ["pai ban phuean tong ao arai pai dai bang krub", "khao wat sai kang keng kha san dai mai kha"],
}  # fmt: skip


@pytest.mark.parametrize(("language", "text"), [(code, text) for code, texts in NEIGHBOURS.items() for text in texts])
def test_neighbours_are_told_apart(language: str, text: str) -> None:
    assert languages(text)[:1] == [language]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ko", "친구 집에 갈 때 뭐 가져가요?"),
        ("th", "ไปบ้านเพื่อนต้องเอาอะไรไป"),
        ("he", "מה להביא לארוחת ערב אצל חברים?"),
        ("el", "Τι να πάρω μαζί μου στο τραπέζι;"),
        ("am", "ለእራት ምን ይዤ ልሂድ?"),
        ("ta", "நண்பர் வீட்டிற்கு என்ன கொண்டு செல்ல வேண்டும்?"),
        ("km", "តើខ្ញុំគួរយកអ្វីទៅផ្ទះមិត្ត?"),
        ("my", "သူငယ်ချင်းအိမ်ကို ဘာယူသွားရမလဲ"),
    ],
)
def test_a_script_of_one_language_decides(language: str, text: str) -> None:
    assert identify(text) == [Spoken(language, 1.0, pytest.approx(1.0))]


def test_a_question_after_instructions_in_english_is_found() -> None:
    found = identify("Answer briefly and be polite to the user. Что подарить тёще на день рождения?")
    assert {spoken.language for spoken in found} == {"en", "ru"}
    assert sum(spoken.share for spoken in found) == pytest.approx(1.0)


def test_a_line_in_another_language_of_the_same_script_is_found() -> None:
    text = "You are a helpful assistant. Reply in the language of the user.\n\nDarf ich rote Blumen mitbringen?"
    assert languages(text) == ["en", "de"]


def test_a_quotation_is_looked_at_by_itself() -> None:
    text = "the sign at the door says \"prière d'enlever vos chaussures avant d'entrer\" do i have to go barefoot then?"
    assert languages(text) == ["en", "fr"]


def test_two_languages_in_one_sentence() -> None:
    text = "my mother in law told me que no puedo llevar flores blancas and now i am confused"
    assert languages(text) == ["en", "es"]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "we are off to Kraków and Łódź in May, anything to know about Święconka baskets?"),
        ("en", "Is Schadenfreude a word that people use at work?"),
        ("ru", "Купил iPhone 15 Pro Max в подарок, как его упаковать?"),
        ("ja", "iPhoneをプレゼントするのは失礼ですか"),
        ("de", "Was schenkt man Herrn Nakamura aus Yokohama?"),
        ("ko", "Starbucks 텀블러 선물로 어때요?"),
    ],
)
def test_names_and_brands_do_not_make_a_language(language: str, text: str) -> None:
    assert languages(text) == [language]


def test_names_of_places_alone_say_little() -> None:
    for text in ("Bangkok Hanoi Tokyo", "Paris, Madrid, Roma"):
        assert all(spoken.sure < 0.6 for spoken in identify(text))


@pytest.mark.parametrize("text", ["ok", "hola", "да", "merci", "سلام", "你好"])
def test_few_letters_are_not_sure(text: str) -> None:
    assert all(spoken.sure <= 0.5 for spoken in identify(text))


@pytest.mark.parametrize(
    "text",
    [
        *("", " \n", "12345 67", "😀😀🎉", "?!…", "\u200b\u2060\ufeff", "https://example.org/das-ist-ein-pfad"),
        *("გამარჯობა, როგორ ხარ?", "Բարեւ ձեզ, ինչպե՞ս եք", "བཀྲ་ཤིས་བདེ་ལེགས།"),
    ],
)
def test_nothing_where_nothing_is_read(text: str) -> None:
    assert identify(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Kuidas ma saan teie juurde külla tulla?",
        "Ar galima įeiti į bažnyčią su batais?",
        "Қайырлы таң, қалайсыз? Базар қай жерде?",
    ],
)
def test_languages_that_are_known_and_not_read(text: str) -> None:
    assert all(spoken.sure < 0.6 for spoken in identify(text))


@pytest.mark.parametrize(
    "text",
    [
        "\ud800 what should I bring to dinner \udfff",
        "wh\u200bat sho\u00aduld I br\u2060ing to din\u200dner",
        "\u202ewhat should I bring to dinner\u202c",
        "WHAT SHOULD I BRING TO DINNER",
        "what should I bring to dinner 😀😀😀 12345",
    ],
)
def test_bad_input_hides_nothing(text: str) -> None:
    assert languages(text) == ["en"]


def test_long_texts_are_looked_at_in_part() -> None:
    text = "What should I bring to dinner? " * 1_600 + "Что принести на ужин к друзьям? " * 1_600
    start = time.perf_counter()
    assert set(languages(text)) == {"en", "ru"}
    assert set(languages("字" * 100_000)) <= {"zh", "ja"}
    assert languages("x" * 100_000) is not None
    assert time.perf_counter() - start < 0.5


def test_shares_and_sureness_are_shares() -> None:
    for texts in NEIGHBOURS.values():
        for text in texts:
            for spoken in identify(text):
                assert 0 < spoken.share <= 1
                assert 0 <= spoken.sure <= 1
