"""Policies, a checker and vision models for tests of what is done with requests."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Any

from guard.norms.model import Norm
from guard.policy.model import DeploymentPolicy, Policies

BAD = "A wall clock is a lovely present. "
GOOD = "Good tea is a fine present. "


class Scripted:
    """A checker that knows one thing: whoever recommends a clock is in breach; of hourglasses it is unsure."""

    name, clear, breach = "scripted", 0.25, 0.75

    def __call__(self, query: str, answer: str, norms: Sequence[Norm]) -> tuple[float, ...]:
        about = [bool(norm.id.startswith("cn.gift.clock")) for norm in norms]
        level = 0.5 if "hourglass" in answer else 0.9 if re.search(r"clock is a lovely", answer) else 0.1
        return tuple(level if clock else 0.05 for clock in about)


class SlowVision:
    """A vision model that takes its time: until a test lets it."""

    name, provider = "slow", "none"

    def __init__(self) -> None:
        self.opened = threading.Event()

    def concepts(self, picture: Any, key: bytes) -> dict[str, float]:
        self.opened.wait(30)
        return {}

    def knows(self, key: bytes) -> None:
        return None


class BrokenVision(SlowVision):
    name = "broken"

    def concepts(self, picture: Any, key: bytes) -> dict[str, float]:
        raise RuntimeError("secret text of a user")


class AsPolicies(Policies):
    """The policies that come along, and others made in a test."""

    def __init__(self, **more: Any) -> None:
        super().__init__()
        self._policies |= {name: DeploymentPolicy.model_validate(given) for name, given in more.items()}
        for name in more:
            vars(self._policies[name])["name"] = name


def same(action: str) -> dict[int, str]:
    return dict.fromkeys((1, 2, 3), action)


POLICIES: dict[str, Any] = {
    "rewrite": {"actions": same("rewrite")},
    "rewrite-model": {"actions": same("rewrite"), "rewrite": {"model": "small"}},
    "block": {"actions": same("block")},
    "monitor": {"actions": same("monitor")},
    "shadow": {"shadow_percent": 100},
    "verify": {"actions": same("verify")},
    "verify-note": {"actions": same("verify"), "verify": {"on_breach": "note"}},
    "verify-judge": {"actions": same("verify"), "verify": {"judge": "judge"}},
}
