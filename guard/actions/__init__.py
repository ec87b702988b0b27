"""What may be done with a request: one file an action."""

from guard.actions.advise import Advise
from guard.actions.base import Case, Handler
from guard.actions.block import Block
from guard.actions.monitor import Monitor
from guard.actions.pass_ import Pass
from guard.actions.rewrite import Rewrite
from guard.actions.verify import Verify

ACTIONS: tuple[Handler, ...] = (Pass(), Advise(), Rewrite(), Verify(), Block(), Monitor())
"""Every action that a policy may name."""

__all__ = ["ACTIONS", "Case", "Handler", "handler_of"]


def handler_of(name: str) -> Handler:
    """The action of that name; raises `ValueError` naming those that there are."""
    for handler in ACTIONS:
        if handler.name == name:
            return handler
    raise ValueError(f"there is no action {name!r}; known: {', '.join(handler.name for handler in ACTIONS)}")
