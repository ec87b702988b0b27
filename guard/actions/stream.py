"""A streamed answer let through sentence by sentence, each once it is cleared."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from guard.actions.steps import Steps
from guard.api.base import Key, WireFormat
from guard.api.events import Event, EventReader
from guard.norms.model import Norm
from guard.text.sentences import SentenceSplitter


class SentenceCheck(Protocol):
    """What holds the sentences of an answer against norms; see `guard.actions.verify.Verification`."""

    def sentence(self, sentence: str) -> Steps[list[Norm]]:
        """The norms that one sentence of an answer breaches."""
        ...

    def instead(self, shown: str, sentence: str, breached: Sequence[Norm]) -> Steps[tuple[str, bool]]:
        """What the user gets to see before or in place of a sentence in breach, and whether all that follows goes."""
        ...


@dataclass(slots=True)
class _Text:
    """One text of a streamed answer.

    Attributes:
        received, cleared: characters that came, and those of them that may be shown.
        cut: where a revision takes the text's place, or None.
        inserts: what is shown at which place besides.
        shown: what the user gets, as far as it is settled.
        changed: whether that differs from what the model said.
    """

    splitter: SentenceSplitter
    received: int = 0
    cleared: int = 0
    cut: int | None = None
    inserts: dict[int, str] = field(default_factory=dict)
    shown: str = ""
    sent: str = ""
    changed: bool = False


class StreamVerification:
    """Lets an event stream through sentence by sentence, each once it is cleared.

    Events go on in their order and, as long as nothing is in breach, byte for byte. At most `hold_back` characters of
    a text are held. Nothing that was shown is ever taken back: a revision takes the place of what is not yet out.
    """

    def __init__(self, verification: SentenceCheck, api: WireFormat, *, hold_back: int) -> None:
        self._verification = verification
        self._deltas = api.deltas()
        self._hold_back = hold_back
        self._reader = EventReader()
        self._arrived: deque[Event] = deque()
        self._queue: deque[tuple[Event, dict[Key, tuple[int, str]]]] = deque()
        self._texts: dict[Key, _Text] = {}
        self._released: list[Event] = []

    def feed(self, chunk: bytes) -> Steps[bytes]:
        """What may go out once `chunk` has come.

        Raises:
            ValueError: the stream is none that can be followed.
        """
        self._arrived += self._reader.feed(chunk)
        while self._arrived:
            event = self._arrived[0]
            for key in self._deltas.ended(event):
                if (text := self._texts.get(key)) is not None:
                    yield from self._review(text, text.splitter.flush())
            pieces = self._deltas.pieces(event)
            spans: dict[Key, tuple[int, str]] = {}
            for key, piece in pieces.items():
                text = self._texts.setdefault(key, _Text(SentenceSplitter(self._hold_back)))
                spans[key] = (text.received, piece)
                text.received += len(piece)
            self._queue.append((self._arrived.popleft(), spans))
            for key, piece in pieces.items():
                yield from self._review(self._texts[key], self._texts[key].splitter.feed(piece))
            self._release()
        return self._out()

    def finish(self) -> Steps[bytes]:
        """What is left when the stream has ended, also where it ended too early."""
        for text in self._texts.values():
            yield from self._review(text, text.splitter.flush())
        self._release()
        return self._out() + self._reader.rest()

    def abandon(self) -> bytes:
        """All that is held, as it came, where the check itself has failed and the answer is to go on without it."""
        self._released += [event for event, _ in self._queue]
        self._released += self._arrived
        self._queue.clear()
        self._arrived.clear()
        return self._out() + self._reader.rest()

    def _out(self) -> bytes:
        out, self._released = self._released, []
        return b"".join(event.encode() for event in out)

    def _review(self, text: _Text, complete: Sequence[str]) -> Steps[None]:
        for sentence in complete:
            if text.cut is None:
                breached = yield from self._verification.sentence(sentence)
                if breached:
                    instead, final = yield from self._verification.instead(text.shown, sentence, breached)
                    text.inserts[text.cleared] = instead
                    text.changed = True
                    text.shown += instead
                    if final:
                        text.cut = text.cleared
                if text.cut is None:
                    text.shown += sentence
            text.cleared += len(sentence)

    def _release(self) -> None:
        while self._queue:
            event, spans = self._queue[0]
            if any(start + len(piece) > self._texts[key].cleared for key, (start, piece) in spans.items()):
                break
            self._queue.popleft()
            self._released += self._settled(event, spans)

    def _settled(self, event: Event, spans: Mapping[Key, tuple[int, str]]) -> list[Event]:
        finals = {key: _final(self._texts[key], start, piece) for key, (start, piece) in spans.items()}
        for key, final in finals.items():
            self._texts[key].sent += final
        if all(finals[key] == piece for key, (_, piece) in spans.items()):
            changed = {key: text.sent for key, text in self._texts.items() if text.changed}
            return [self._deltas.settled(event, changed)]
        made = [self._deltas.delta(key, final) for key, final in finals.items() if final]
        left = self._deltas.emptied(event)
        return [*made, left] if left is not None else made


def _final(text: _Text, start: int, piece: str) -> str:
    """What is shown in place of the `piece` that began at `start`."""
    out: list[str] = []
    for i, character in enumerate(piece, start):
        out.append(text.inserts.get(i, ""))
        if text.cut is None or i < text.cut:
            out.append(character)
    return "".join(out)
