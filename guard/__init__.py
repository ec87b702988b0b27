"""NormGuard: makes any vision-language API culturally safe at run time."""

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
