from .actions.base import Checker
from .classifier.base import Scorer
from .errors import (
    AccessError,
    GuardFault,
    ImageError,
    ModelError,
    NormGuardError,
    PackError,
    PolicyError,
    RequestError,
    SettingsError,
    UpstreamError,
)
from .evidence.memory import ConversationMemory
from .norms.library import Library
from .norms.packs import read_packs
from .norms.vocabulary import Vocabulary
from .pictures.decode import PictureCache
from .pipeline import Guard
from .policy.model import DeploymentPolicy, Policies
from .sdk.client import decision_of, last_decision, wrap
from .settings import Settings, read_settings
from .types import Action, Decision, Evidence, Exchange, Hints, Image, ScoredNorm, Turn
from .vision.model import VisionModel
from .vision.ocr import SignReader

__all__ = [
    "AccessError",
    "Action",
    "Checker",
    "ConversationMemory",
    "Decision",
    "DeploymentPolicy",
    "Evidence",
    "Exchange",
    "Guard",
    "GuardFault",
    "Hints",
    "Image",
    "ImageError",
    "Library",
    "ModelError",
    "NormGuardError",
    "PackError",
    "PictureCache",
    "Policies",
    "PolicyError",
    "RequestError",
    "ScoredNorm",
    "Scorer",
    "Settings",
    "SettingsError",
    "SignReader",
    "Turn",
    "UpstreamError",
    "VisionModel",
    "Vocabulary",
    "decision_of",
    "last_decision",
    "read_packs",
    "read_settings",
    "wrap",
]
__version__: str
