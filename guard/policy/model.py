"""Deployment policies: what an operator decides about the guard, as files in ``policies/deployments``."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, TypeAdapter, create_model, model_validator

from guard.actions import ACTIONS, handler_of
from guard.errors import PolicyError
from guard.files import Strict, folder, read_as
from guard.norms.model import CountryCode, Severity
from guard.types import Action

ActionName = Annotated[str, AfterValidator(lambda name: handler_of(name).name)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class OnFault(StrEnum):
    """What becomes of a request on a fault: it goes through, or it is refused."""

    OPEN = "open"
    CLOSED = "closed"


class Faults(Strict):
    """What becomes of a request, by class of fault. A caller's mistake (a wrong key, a bad body) is none of these.

    Attributes:
        guard: the guard itself failed.
        timeout: the guard ran out of time (`guard_timeout`); it then goes by the text alone.
        evidence: a source of evidence failed, such as the vision model; the others still count.
        verify: the check of an answer failed.
        audit: the decision cannot be kept, because the audit trail has no room.
    """

    guard: OnFault = OnFault.OPEN
    timeout: OnFault = OnFault.OPEN
    evidence: OnFault = OnFault.OPEN
    verify: OnFault = OnFault.OPEN
    audit: OnFault = OnFault.OPEN

    @model_validator(mode="before")
    @classmethod
    def _one_word(cls, given: Any) -> Any:
        """One word is for the faults of the guard as a whole: not for a source that fails or a record that is lost."""
        return dict.fromkeys(("guard", "timeout", "verify"), given) if isinstance(given, str) else given


class Thresholds(Strict):
    """Where scores become decisions; all are probabilities.

    Attributes:
        advise: sensitivity from which a request is acted on.
        norm: relevance from which a norm may be sent.
        share: share of the best norm's relevance below which the others are left out.
        culture: certainty from which a culture's norms are considered.
    """

    advise: Probability = 0.5
    norm: Probability = 0.01
    share: Probability = 0.055
    culture: Probability = 0.3


class Countries(Strict):
    """Countries whose norms are used: all, only some, or all but some."""

    only: tuple[CountryCode, ...] | None = None
    off: tuple[CountryCode, ...] = ()

    def allow(self, code: str) -> bool:
        return code not in self.off and (self.only is None or code in self.only)


class _Policy(Strict):
    """One deployment's choices.

    Attributes:
        description: what the policy is for.
        thresholds: where scores become decisions.
        max_norms: most norms sent with one request.
        token_budget: most tokens that the guidance may add.
        severity_floor: norms of less severity are left out.
        contested: whether contested norms are sent (marked as such) or left out.
        countries: whose norms are used.
        norms_off: ids of norms never used.
        actions: what is done, by the severity of the weightiest norm that would be sent.
        shadow_percent: share of conversations that are only monitored, whatever the actions say.
        on_fault: whether a fault inside the guard lets the request through or refuses it, by class of fault.
        remote_images: whether pictures given by address are fetched, to be looked at.
    """

    description: str = ""
    thresholds: Thresholds = Thresholds()
    max_norms: int = Field(default=8, ge=1, le=32)
    token_budget: int = Field(default=350, ge=80, le=4000)
    severity_floor: Severity = Severity.FAUX_PAS
    contested: Literal["send", "skip"] = "send"
    countries: Countries = Countries()
    norms_off: frozenset[str] = frozenset()
    actions: dict[Severity, ActionName] = {
        Severity.FAUX_PAS: Action.ADVISE,
        Severity.OFFENCE: Action.ADVISE,
        Severity.SACRED_OR_LAW: Action.ADVISE,
    }
    shadow_percent: float = Field(default=0.0, ge=0, le=100)
    on_fault: Faults = Faults()
    remote_images: bool = False

    def options(self, action: str) -> Any:
        """What the policy says of an action; None where there is nothing to say."""
        return getattr(self, action, None)

    @model_validator(mode="after")
    def _an_action_for_each_severity(self) -> Self:
        if missing := [str(int(severity)) for severity in Severity if severity not in self.actions]:
            raise ValueError(f"actions: no action for severity {', '.join(missing)}")
        return self


if TYPE_CHECKING:

    class DeploymentPolicy(_Policy):
        """`_Policy` with a section for each action that has options, under the action's name."""

else:
    DeploymentPolicy = create_model(
        "DeploymentPolicy",
        __base__=_Policy,
        __doc__=_Policy.__doc__,
        **{handler.name: (handler.options, handler.options()) for handler in ACTIONS if handler.options is not None},
    )


class Policies:
    """The policies of one or more folders, by file name without suffix; later folders override earlier ones.

    Raises:
        PolicyError: a file is faulty (named with the field), or `get` is asked for a name that does not exist.
    """

    def __init__(self, folders: Iterable[Path] | None = None) -> None:
        self._policies: dict[str, DeploymentPolicy] = {}
        for directory in folders if folders is not None else [folder("policies") / "deployments"]:
            for path in sorted(directory.glob("*.yaml")):
                self._policies[path.stem] = read_policy(path)

    def names(self) -> list[str]:
        return sorted(self._policies)

    def get(self, name: str) -> DeploymentPolicy:
        try:
            return self._policies[name]
        except KeyError:
            known = ", ".join(self.names()) or "none"
            raise PolicyError(f"There is no policy {name[:60]!r}. Known policies: {known}.") from None


def read_policy(path: Path) -> DeploymentPolicy:
    """The policy in a YAML file; raises `PolicyError` naming file and field."""
    return read_as(path, TypeAdapter(DeploymentPolicy), PolicyError)
