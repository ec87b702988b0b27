"""NormGuard: makes any vision-language API culturally safe at run time."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from guard.errors import ImageError, NormGuardError, PackError, PolicyError, RequestError, SettingsError
    from guard.pipeline import Guard
    from guard.sdk import decision_of, last_decision, wrap
    from guard.types import Action, Decision, Evidence, Exchange, Hints, Image, ScoredNorm, Turn

__version__ = "0.1.0"

__all__ = [
    "Action",
    "Decision",
    "Evidence",
    "Exchange",
    "Guard",
    "Hints",
    "Image",
    "ImageError",
    "NormGuardError",
    "PackError",
    "PolicyError",
    "RequestError",
    "ScoredNorm",
    "SettingsError",
    "Turn",
    "decision_of",
    "last_decision",
    "wrap",
]

_ELSEWHERE = {"Guard": "guard.pipeline", "decision_of": "guard.sdk", "last_decision": "guard.sdk", "wrap": "guard.sdk"}


def __getattr__(name: str) -> Any:
    """A public name from its module, imported when it is first used: a command pays for what it needs."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _ELSEWHERE.get(name) or ("guard.errors" if name.endswith("Error") else "guard.types")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
