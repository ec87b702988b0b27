"""The audit trail of a deployment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from guard.audit.record import Record

if TYPE_CHECKING:
    from guard.audit.writer import Writer


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """Where decisions are kept.

    Attributes:
        content: whether questions and guidance are kept in plain text.
    """

    writer: Writer
    content: bool = False

    def record(self, record: Record) -> None:
        """Keep a record; never waits and never raises."""
        self.writer.record(record)
