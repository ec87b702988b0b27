"""Deployment policies: what an operator decides about the guard, as files in ``policies/deployments``."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from enum import StrEnum
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, TypeAdapter, create_model, model_validator

from guard.actions import ACTIONS, handler_of
from guard.errors import PolicyError, SettingsError
from guard.files import Strict, folder, nearest, read_as
from guard.norms.model import CountryCode, Severity
from guard.types import Action

log = logging.getLogger("normguard")

DEFAULT_POLICY = "default"

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
        formerly: older names under which it is still to be had.
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
    formerly: tuple[str, ...] = ()
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

    @cached_property
    def name(self) -> str:
        """What requests call it: its file's name, without the suffix; empty where it comes from no file."""
        return ""

    @cached_property
    def digest(self) -> str:
        """Of all that it does, however it is called and described: 16 hexadecimal digits of SHA-256."""
        what = self.model_dump(exclude={"description", "formerly"})
        return sha256(json.dumps(what, sort_keys=True, default=sorted).encode()).hexdigest()[:16]

    def options(self, action: str) -> Any:
        """What the policy says of an action; None where there is nothing to say."""
        return vars(self).get(action)  # quicker than the attribute of a model, where there is none

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

    @classmethod
    def with_own(cls, own: Path | None) -> Self:
        """The policies that come with NormGuard, and over them those of the folder `own`.

        Raises:
            SettingsError: there is no such folder.
            PolicyError: a file is faulty.
        """
        if own is not None and not own.is_dir():
            raise SettingsError(f"policies: there is no folder {own}.")
        return cls([folder("policies") / "deployments", *filter(None, [own])])

    def names(self) -> list[str]:
        return sorted(self._policies)

    def get(self, name: str) -> DeploymentPolicy:
        if (found := self._policies.get(name)) is not None:
            return found
        for policy in self._policies.values():
            if name in policy.formerly:
                _tell_once(name, policy.name)
                return policy
        near = nearest(name, [*self._policies, *(old for policy in self._policies.values() for old in policy.formerly)])
        raise PolicyError(
            f"There is no policy {name[:60]!r}{near or '.'} Known policies: {', '.join(self.names()) or 'none'}."
        )


@cache
def _tell_once(old: str, new: str) -> None:
    log.warning("the policy %r is called %r now", old, new)


def read_policy(path: Path) -> DeploymentPolicy:
    """The policy in a YAML file; raises `PolicyError` naming file and field."""
    policy = read_as(path, TypeAdapter(DeploymentPolicy), PolicyError)
    vars(policy)["name"] = path.stem  # no field: neither to be written nor compared
    return policy
