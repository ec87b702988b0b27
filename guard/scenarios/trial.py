"""Scenarios put to a guard: is what should be said said, is the rest left alone, and if not, why?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from PIL import Image as Pillow

from guard.explain import Explanation
from guard.pipeline import Guard
from guard.scenarios.model import Scenario
from guard.types import Action, Image, Picture
from guard.vision.model import VisionModel
from guard.vision.ocr import SignReader

CAUSES = {
    "no norm": "no norm of the packs is the right one",
    "language": "the question was in a language that is not read",
    "place": "the right country was not found",
    "ranking": "another norm was preferred: the right one was not among the nearest ten",
    "gate": "the right norm was near, and the request was not held to be sensitive enough",
    "selection": "the request was acted on, and the right norm, though near, was not sent",
}
"""Why the right norm was not sent."""

_THUMBNAIL = Pillow.new("RGB", (1, 1))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a scenario.

    Attributes:
        cause: why none of the norms at stake was sent, one of `CAUSES`; None where one was, or none should be.
    """

    scenario: Scenario
    found: Explanation
    cause: str | None

    @property
    def fired(self) -> bool:
        """Whether something was said."""
        return self.found.decision.action != Action.PASS

    @property
    def right(self) -> bool:
        """Whether a norm at stake was sent, or, where none is, nothing was."""
        return self.cause is None if self.scenario.loaded else not self.fired


def trial(guard: Guard, scenarios: Iterable[Scenario]) -> Iterator[Outcome]:
    """Put `scenarios` to `guard`, one by one.

    What a scenario's picture shows reaches it as it would from a vision model and from text recognition, which are not
    asked: its eyes are not what is tried here.
    """
    eyes = _Eyes(guard)
    blind = Guard(
        library=guard.library,
        policies=guard.policies,
        policy=guard.policy.name,
        scorer=guard.scorer,
        vision=cast(VisionModel, eyes),
        ocr=cast(SignReader, eyes),
    )
    for one in scenarios:
        found = blind.explain(one.exchange(*eyes.picture(one)))
        why = cause(found, one.stake, one.destination, guard.library.norms) if one.loaded else None
        yield Outcome(one, found, why)


def cause(found: Explanation, stake: Collection[str], country: str | None, norms: Collection[str]) -> str | None:
    """Why none of the norms at stake was sent; None if one was.

    Args:
        country: the one that the request is about.
        norms: ids of those that there are.
    """
    decision = found.decision
    if any(norm.id in stake for norm in decision.norms):
        return None
    if not any(id_ in norms for id_ in stake):
        return "no norm"
    if any(norm.id in stake for norm in found.norms):
        return "selection" if decision.action != Action.PASS else "gate"
    if country and country not in {culture["code"] for culture in decision.cultures}:
        return "language" if "language" in decision.degraded else "place"
    return "ranking"


class _Eyes:
    """Stands in for a vision model and for text recognition: tells of a picture what its scenario says."""

    name = "scenario"

    def __init__(self, guard: Guard) -> None:
        self._lexicon = guard.library.lexicon
        self._pictures: dict[bytes, Scenario] = {}

    def picture(self, one: Scenario) -> tuple[Image, ...]:
        """The scenario's picture, if it has one that somebody looked at."""
        if not (one.seen or one.read or one.picture):
            return ()
        key = one.id.encode()
        self._pictures = {key: one}
        picture = Picture("PNG", _THUMBNAIL.size, _THUMBNAIL, None, None, key)
        return (Image(data=key, picture=picture),)

    def concepts(self, picture: Pillow.Image, key: bytes) -> Mapping[str, float]:
        del picture
        found: dict[str, float] = {}
        for name, score in self._pictures[key].seen:
            for entry in self._lexicon.find(name, ("en",)):
                if entry.entry.kind == "concept":
                    found[entry.entry.value] = max(score, found.get(entry.entry.value, 0.0))
        return found

    def read(self, data: bytes, key: bytes, *, decoder: Callable[..., Any] | None = None) -> str:
        del data, decoder
        return self._pictures[key].read or ""
