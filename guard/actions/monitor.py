"""Monitor: what would be done is recorded, and nothing is changed."""

from __future__ import annotations

from typing import ClassVar

from guard.actions.base import Handler
from guard.types import Action


class Monitor(Handler):
    """Decides and records only."""

    name: ClassVar[str] = Action.MONITOR
    acts = False
