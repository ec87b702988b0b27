"""The trained classifier at run time: what it reads, what it refuses, what it must never do."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import yaml

from guard import Exchange, Guard, Hints
from guard.classifier.lexical import LexicalScorer
from guard.classifier.student import NAME, StudentScorer, open_scorer
from guard.errors import ModelError
from guard.evidence.gather import MAX_TEXT
from guard.files import folder
from guard.norms.library import Library
from guard.settings import Settings
from tests.classifier.samples import PICTURE

MODEL = folder("models") / NAME

# Plain questions of our own, in no data set. The first version of the classifier passed every one of the left column.
AT_STAKE = [
    ("Which of these for my colleague's baby in Shanghai?", "wall clock", "cn.gift.clocks"),
    ("Is a wall clock a nice present for my host in Shanghai?", None, "cn.gift.clocks"),
    ("我想给上海的同事买新生儿礼物，图片里的可以吗？", "挂钟", "cn.gift.clocks"),
    ("Can I wear these shorts to the mosque in Cairo?", None, "eg.worship.mosque"),
    ("Can I take a bottle of wine to my Saudi colleague's house?", None, "sa.law.alcohol"),
    ("Voy a regalar un cuchillo a mi anfitrión en Buenos Aires, ¿está bien?", None, "ar.gift.knives"),
    ("何を京都のお見舞いに持っていけばいいですか？ 鉢植えはどうですか？", None, "jp.gift.flowers-sick"),
]
HARMLESS = [
    "What's the weather like in Kyoto in May?",
    "How do I get from Narita to Shinjuku?",
    "Tell me the history of the Taj Mahal.",
    "What does the clock in this picture say?",
    "Which of these is the cheapest?",
    "What is a good recipe for pad thai?",
    "京都の五月の天気はどうですか？",
    "¿Qué tiempo hace en El Cairo en mayo?",
]


@pytest.mark.parametrize(("query", "caption", "norm"), AT_STAKE)
def test_plain_questions_reach_their_norm(guard: Guard, query: str, caption: str | None, norm: str) -> None:
    decision = guard.check(Exchange.of(query, hints=Hints(captions=(caption,) if caption else ())))
    assert norm in [scored.id for scored in decision.norms]
    assert decision.model == NAME


@pytest.mark.parametrize("query", HARMLESS)
@pytest.mark.parametrize("pictured", [False, True])
def test_harmless_questions_pass_with_a_picture_and_without(guard: Guard, query: str, pictured: bool) -> None:
    assert guard.check(Exchange.of(query, images=[PICTURE] if pictured else [])).action == "pass"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   \n\t ",
        "🎁🕰️🇨🇳",
        "x" * 100_000,
        "時計 " * 30_000,
        "\u202e\u200f\u200e",
        "Is \u202ea clock\u202c fine for سارة in 上海?",
        "Apa kabar? ¿Puedo regalar 時計 to my 朋友 in शंघाई?",
        "Je mag geen klok geven in Shanghai, toch?",
        "\x00\x01\ud7ff\ufffe",
    ],
)
def test_any_text_is_judged(guard: Guard, query: str) -> None:
    decision = guard.check(Exchange.of(query, images=[PICTURE] * 10))
    assert 0.0 <= decision.sensitivity <= 1.0
    assert set(decision.degraded) <= {"remote-image", "text-limit"}
    assert ("text-limit" in decision.degraded) is (len(query) > MAX_TEXT)


def test_a_slip_of_the_pen_stays_near(guard: Guard) -> None:
    scorer = guard.scorer
    assert isinstance(scorer, StudentScorer)
    right, slip, other = (
        scorer._vector(text) for text in ("wall clock present", "wal clokc present", "beach volleyball")
    )
    assert right @ slip > 0.5 > right @ other


def test_hints_that_contradict_the_text_are_both_considered(guard: Guard) -> None:
    exchange = Exchange.of("Is a set of four teacups right for my host in Kyoto?", hints=Hints(country="DE"))
    decision = guard.check(exchange)
    assert [culture["code"] for culture in decision.cultures[:2]] == ["JP", "DE"]
    assert decision.norms[0].id == "jp.gift.sets-of-four"


def test_an_operators_own_norm_is_scored_by_meaning(tmp_path: Path, guard: Guard) -> None:
    from guard.norms.packs import read_packs
    from guard.norms.vocabulary import Vocabulary

    pack = tmp_path / "cn.yaml"
    pack.write_text(
        "country: CN\nreviewed: 2026-01-01\nnorms:\n"
        "  - id: cn.house.blue-lanterns\n    title: No blue lanterns in the company's lobby\n"
        "    expectation: Lanterns in the lobby are red or gold.\n    breach: Hang blue lanterns in the lobby.\n"
        "    why: Blue and white lanterns are for mourning.\n    instead: red lanterns\n"
        "    situations: [business, home-decor]\n    domains: [social]\n    visual: [lantern]\n"
        "    severity: 2\n    strength: common\n"
        "    sources: [{title: House rules, url: 'https://example.com/rules'}]\n",
        encoding="utf-8",
    )
    library = Library(read_packs([folder("policies") / "norms", tmp_path]), Vocabulary())
    decision = Guard(library=library).check(
        "I want to hang blue lanterns in the lobby of our Beijing office, good idea?"
    )
    assert decision.norms[0].id == "cn.house.blue-lanterns"


def test_a_decision_is_the_same_from_every_thread(guard: Guard) -> None:
    query = AT_STAKE[0][0]
    expected = guard.check(query).norms
    found = []
    threads = [threading.Thread(target=lambda: found.append(guard.check(query).norms)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == [expected] * 16


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: (d / "manifest.yaml").unlink(), "no classifier there"),
        (lambda d: (d / "manifest.yaml").write_text("{"), "damaged"),
        (lambda d: (d / "encoder.onnx").write_bytes(b"x"), "missing or damaged"),
        (lambda d: (d / "ranker.onnx").unlink(), "missing or damaged"),
        (lambda d: _change(d, format=99), "another version of NormGuard"),
        (lambda d: _change(d, pair=["culture"]), "pair differs"),
    ],
)
def test_a_spoilt_classifier_is_refused_or_replaced(
    tmp_path: Path, guard: Guard, spoil: object, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "classifier"
    shutil.copytree(MODEL, directory)
    spoil(directory)  # type: ignore[operator]
    with pytest.raises(ModelError, match=message):
        open_scorer(str(directory), guard.library)
    assert isinstance(open_scorer(str(directory), guard.library, forgiving=True), LexicalScorer)
    assert "starting with the lexical scorer" in caplog.text


def _change(directory: Path, **changes: object) -> None:
    path = directory / "manifest.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))


def test_settings_choose_the_classifier(tmp_path: Path) -> None:
    assert Guard.from_settings(Settings(classifier="lexical")).scorer.name == "lexical-1"
    (tmp_path / "strict.yaml").write_text("on_fault: closed\n")
    with pytest.raises(ModelError, match="no classifier there"):
        Guard.from_settings(Settings(classifier=str(tmp_path / "none"), policies=tmp_path, policy="strict"))


def test_the_artefact_is_small_and_knows_every_norm_that_ships(guard: Guard) -> None:
    size = sum(path.stat().st_size for path in MODEL.iterdir())
    assert size < 20e6
    scorer = guard.scorer
    assert isinstance(scorer, StudentScorer)
    with np.load(MODEL / "vectors.npz") as stored:
        known = set(stored["keys"].tolist())
    from guard.classifier.student import text_key
    from guard.norms.wording import meaning_of, things_of

    texts = [meaning_of(n) for n in guard.library.norms.values()]
    texts += [things_of(n, guard.library.vocabulary) for n in guard.library.norms.values()]
    missing = [text for text in texts if text_key(text) not in known]
    assert len(missing) < 0.05 * len(texts), "train again: norms have changed a good deal since"


def test_the_artefact_tells_nothing_of_the_machine_that_made_it() -> None:
    for path in MODEL.iterdir():
        data = path.read_bytes()
        assert b"site-packages" not in data, path.name
        assert b"training/" not in data or path.suffix == ".md", path.name
