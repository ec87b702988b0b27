"""Pass: the request goes on byte for byte."""

from __future__ import annotations

from typing import ClassVar

from guard.actions.base import Handler
from guard.types import Action


class Pass(Handler):
    """Nothing is at stake."""

    name: ClassVar[str] = Action.PASS
    acts = False
