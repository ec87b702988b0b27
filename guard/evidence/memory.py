"""Conversations that the provider keeps: what was noticed in them."""

from __future__ import annotations

from dataclasses import replace

from guard.cache import Recent
from guard.types import Evidence, Findings

_FAINT = 0.2


class ConversationMemory:
    """The latest conversations by the ids that providers give them, with what was noticed in each.

    Texts and pictures are not kept, only what they gave: a few hundred bytes a conversation. Safe to use from many
    threads.
    """

    def __init__(self, size: int = 10_000) -> None:
        self._noticed: Recent[str, tuple[Evidence, ...]] = Recent(size)

    def remember(self, thread: str, findings: Findings) -> None:
        """Keep what a request of `thread` gave."""
        self.put(thread, _evidence(findings))

    def put(self, thread: str, noticed: tuple[Evidence, ...]) -> None:
        """Keep what was noticed in `thread`, here or elsewhere."""
        self._noticed.put(thread, noticed)

    def recall(self, thread: str) -> tuple[Evidence, ...] | None:
        """What its earlier turns gave, or None where this process has not seen them."""
        return self._noticed.get(thread)


def _evidence(findings: Findings) -> tuple[Evidence, ...]:
    kept: list[Evidence] = []
    for kind, scores, shown in (
        ("culture", findings.cultures, False),
        ("situation", findings.situations, False),
        ("act", findings.acts, False),
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
    return tuple(
        replace(piece, role=findings.roles.get(piece.value)) if piece.kind == "culture" else piece for piece in kept
    )
