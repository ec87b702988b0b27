"""The check of an answer, without a server."""

from __future__ import annotations

from typing import Any

from guard import Guard
from guard.actions.verify import Verification
from guard.actions.verify import VerifyOptions as Verify
from tests.policies import Scripted
from tests.samples import CLOCK


def verification(guard: Guard, **rules: Any) -> Verification:
    norms = [guard.library.norms["cn.gift.clocks"], guard.library.norms["cn.gift.umbrellas"]]
    return Verification(norms, CLOCK, "en", Verify(**rules), Scripted())
