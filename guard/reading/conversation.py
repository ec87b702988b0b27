"""What a conversation comes to: of the places named in its turns, which the last question is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from guard.norms.speech import Speech
from guard.norms.vocabulary import Vocabulary
from guard.reading.reader import Mention, Reading
from guard.reading.roles import WEIGHTS
from guard.text.gazetteer import NameKind
from guard.types import Evidence

HISTORY = 0.88
"""What the latest earlier turn that names a place weighs beside the last."""

_FADED = 0.35  # of places that a later one has taken the place of
_BESIDE = 0.88  # of places of the same turn that are not in the sentence that asks
_SYSTEM, _ASSISTANT = 0.5, 0.45
_HERE = 0.55
_IMPLIED = 0.7
_HINT = 0.6  # of money, dishes and feasts beside a place that is named
_MEANT = frozenset({"destination", "community", "mention"})
# What only hints at a country takes no other's place: "400 sgd" in a talk of Chiang Mai.
_HINTING = frozenset({NameKind.MONEY, NameKind.LIFE, NameKind.FESTIVAL})
# What is left of a role where no destination is named at all: who lives in Dubai asks about Dubai.
_ALONE = {
    "residence": 0.95,
    "transit": 0.85,
    "home": 0.5,
    "compared": 0.3,
    "topic": 0.3,
    "former": 0.5,
    "goods": 0.4,
    "language": 0.5,
}


@dataclass(slots=True)
class Read:
    """A turn and what it says; `number` is its place in the conversation."""

    number: int
    role: str
    text: str
    reading: Reading


def evidence_of(turns: Sequence[Read], vocabulary: Vocabulary) -> Iterator[Evidence]:
    """What `turns`, oldest first, tell: places by what they are to the last question, and everything that is named."""
    asked = [turn for turn in turns if turn.role == "user"]
    yield from _cultures(asked, vocabulary.languages)
    told = any(mention.role in _MEANT for turn in asked for mention in turn.reading.mentions)
    for turn in turns:
        last = bool(asked) and turn is asked[-1]
        weight = 1.0 if last else HISTORY if turn.role == "user" else _ASSISTANT
        source = {"system": "system", "user": "text" if last else "history"}.get(turn.role, "history")
        for mention in turn.reading.mentions:
            if mention.kind == "culture":
                if turn.role == "system":  # the application's own prompt says where its users are
                    yield _piece(turn, mention, _SYSTEM * WEIGHTS[mention.role or "mention"], source)
                elif turn.role != "user" and not told and mention.role in _MEANT:
                    yield _piece(turn, mention, _ASSISTANT, source)
            elif turn.role != "system" and (turn.role == "user" or mention.kind in ("concept", "norm")):
                yield _piece(turn, mention, weight, source)
                yield from _implied(mention, weight, source, vocabulary)


def _implied(mention: Mention, weight: float, source: str, vocabulary: Vocabulary) -> Iterator[Evidence]:
    """The situations that an act is part of, and the acts that a situation is made of."""
    score = mention.score * weight * _IMPLIED
    if mention.kind == "act" and mention.value in vocabulary.acts:
        for id_ in vocabulary.acts[mention.value].situations:
            yield Evidence("situation", id_, score, source)
    elif mention.kind == "situation" and mention.value in vocabulary.situations:
        for id_ in vocabulary.situations[mention.value].acts:
            yield Evidence("act", id_, score, source)


def _piece(turn: Read, mention: Mention, weight: float, source: str) -> Evidence:
    return Evidence(
        mention.kind,  # type: ignore[arg-type]
        mention.value,
        mention.score * weight,
        source,
        role=mention.role,
        at=(turn.number, mention.start, mention.end),
    )


def _cultures(asked: Sequence[Read], speech: Mapping[str, Speech]) -> Iterator[Evidence]:
    """Places that users named: the last destination counts, those before it fade."""
    meant = any(mention.role in _MEANT for turn in asked for mention in turn.reading.mentions)
    meant_places = any(
        mention.role in _MEANT and mention.kind == "culture" and mention.named not in _HINTING
        for turn in asked
        for mention in turn.reading.mentions
    )
    named = any(m.kind == "culture" and m.named not in _HINTING for turn in asked for m in turn.reading.mentions)
    certain = {m.value for turn in asked for m in turn.reading.mentions if m.kind == "culture" and not m.also}
    chosen = _pointed_at(asked)
    later = other = False
    for turn in reversed(asked):
        last = turn is asked[-1]
        source = "text" if last else "history"
        base = 1.0 if last else HISTORY
        mentions = [_decided(m, certain) for m in turn.reading.mentions if m.kind == "culture"]
        here = [mention for mention in mentions if mention.role in _MEANT and mention.named not in _HINTING]
        change = max((at for at in turn.reading.changes if any(m.start > at for m in here)), default=-1)
        asking = _asking(turn.text)
        several = len({mention.value for mention in here}) > 1
        for mention in mentions:
            role = mention.role or "mention"
            if role == "negated":
                yield _piece(turn, mention, 0.0, source)
                continue
            if role not in _MEANT and not (role == "transit" and mention.value == chosen):
                weight = WEIGHTS[role] if meant_places else _ALONE[role]
            elif mention.named in _HINTING and (meant_places or later or named):
                weight = _FADED if later else _HINT
            elif chosen is not None:
                weight = 1.0 if mention.value == chosen else _FADED
            elif later and (role != "community" or other):
                weight = _FADED  # who the people are holds wherever the talk goes, until others are named
            else:
                weight = WEIGHTS[role]
                if mention.start < change:
                    weight *= _FADED
                elif several and role != "community" and not asking[0] <= mention.start <= asking[1]:
                    weight *= _BESIDE
            # Whom one meets is who they are, wherever later turns say that they live.
            kept = role == "community" and not other
            yield _piece(turn, mention, weight if kept else base * weight, source)
        later = later or bool(here)
        other = other or any(mention.role == "community" for mention in here)
    if asked and not meant and (language := next(iter(asked[-1].reading.languages), None)) is not None:
        known = speech.get(language)
        if asked[-1].reading.here and known is not None and known.countries:
            yield Evidence("culture", known.countries[0], _HERE, "language", role="destination")


def _decided(mention: Mention, certain: set[str]) -> Mention:
    """Of places of one name the one that lies where another place that is named does: Valladolid after Yucatán."""
    if mention.also and mention.value not in certain:
        for code in mention.also:
            if code in certain:
                return replace(mention, value=code)
    return mention


def _pointed_at(asked: Sequence[Read]) -> str | None:
    """The country of "the second one", of those named so far."""
    if not asked or (which := asked[-1].reading.ordinal) is None:
        return None
    last = [m for m in asked[-1].reading.mentions if m.kind == "culture" and m.role in _MEANT]
    if len(asked) > 1 and last:
        return None  # it names its place itself
    named: list[str] = []
    for turn in asked:
        for mention in turn.reading.mentions:
            if mention.kind == "culture" and mention.role in _MEANT and mention.value not in named[-1:]:
                named.append(mention.value)
    if which == "transit":
        stops = [m.value for turn in asked for m in turn.reading.mentions if m.role == "transit"]
        return stops[-1] if stops and not last else None
    if len(dict.fromkeys(named)) < 2:
        return None
    return {"first": named[0], "second": named[1], "last": named[-1]}[which]


def _asking(text: str) -> tuple[int, int]:
    """The characters of the last sentence that asks something; of the whole text if none does."""
    end = max((text.rfind(mark) for mark in "?？؟"), default=-1)
    if end < 0:
        return 0, len(text)
    start = max(text.rfind(mark, 0, max(end - 1, 0)) for mark in (". ", "! ", "? ", "\n", "。", "！", "？", "؟ ", "।"))
    return max(start, 0), end
