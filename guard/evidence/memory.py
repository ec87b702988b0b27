"""What was noticed in turns that the provider keeps and a request only refers to."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from guard.types import Evidence, Findings

_FAINT = 0.2


class ConversationMemory:
    """The latest conversations by the ids that providers give them, with what was noticed in each.

    Texts and pictures are not kept, only what they gave: a few hundred bytes a conversation. Safe to use from many
    threads.
    """

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._noticed: OrderedDict[str, tuple[Evidence, ...]] = OrderedDict()
        self._lock = Lock()

    def remember(self, thread: str, findings: Findings) -> None:
        """Keep what a request of `thread` gave."""
        self.put(thread, _evidence(findings))

    def put(self, thread: str, noticed: tuple[Evidence, ...]) -> None:
        """Keep what was noticed in `thread`, here or elsewhere."""
        with self._lock:
            self._noticed[thread] = noticed
            self._noticed.move_to_end(thread)
            while len(self._noticed) > self._size:
                self._noticed.popitem(last=False)

    def recall(self, thread: str) -> tuple[Evidence, ...] | None:
        """What its earlier turns gave, or None where this process has not seen them."""
        with self._lock:
            noticed = self._noticed.get(thread)
            if noticed is not None:
                self._noticed.move_to_end(thread)
            return noticed


def _evidence(findings: Findings) -> tuple[Evidence, ...]:
    kept: list[Evidence] = []
    for kind, scores, shown in (
        ("culture", findings.cultures, False),
        ("situation", findings.situations, False),
        ("intent", findings.intents, False),
        ("concept", findings.mentioned, False),
        ("concept", findings.shown, True),
        ("norm", findings.named, False),
    ):
        kept += [
            Evidence(kind, value, score, "history", shown)  # type: ignore[arg-type]
            for value, score in scores.items()
            if score >= _FAINT
        ]
    return tuple(kept)
