"""What is counted of a scenario."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """The figures of one scenario; the last three lists must stay empty.

    Attributes:
        sent: requests.
        succeeded: answered with what the upstream said to just this request.
        refused: answered with a well-formed error of the API that was called.
        broken_off: connections that were cut in the middle of an answer whose upstream cut it too.
        wrong: requests or answers that were changed and must not have been.
        lost: requests without any answer in time, or with one that is no answer.
        leaked: secrets where they do not belong, and resources that were not given back.
        notes: what else is worth telling.
    """

    sent: int = 0
    succeeded: int = 0
    refused: int = 0
    broken_off: int = 0
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.wrong or self.lost or self.leaked)

    def row(self) -> dict[str, object]:
        """The figures by name, lists by their lengths and first entries."""
        return {
            "sent": self.sent,
            "succeeded": self.succeeded,
            "refused": self.refused,
            "broken off": self.broken_off,
            "wrongly changed": len(self.wrong),
            "lost": len(self.lost),
            "leaked": len(self.leaked),
            "notes": "; ".join(self.notes),
            "faults": [*self.wrong[:5], *self.lost[:5], *self.leaked[:5]],
        }
