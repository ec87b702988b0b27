"""What a deployment says of its upstreams and of which models go where."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, HttpUrl, model_validator

from guard.files import Strict

Kind = Literal["openai", "anthropic"]
"""How an API takes its key: as a bearer token, or as x-api-key."""


class UpstreamConfig(Strict):
    """One upstream.

    Attributes:
        kind: ``openai`` or ``anthropic`` for APIs compatible with theirs; ``litellm`` for whatever LiteLLM knows.
        base: URL up to the version; not for ``litellm``.
        api_key_env: environment variable that holds its key.
        forward_auth: whether the caller's own credentials are sent to it where it has no key. Off unless said: with
            several providers, a caller's key for one is no business of the others.
        options: further arguments of LiteLLM's calls; for ``litellm`` only.
    """

    kind: Literal["openai", "anthropic", "litellm"] = "openai"
    base: HttpUrl | None = None
    api_key_env: str | None = None
    forward_auth: bool = False
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if self.kind == "litellm":
            if self.base is not None:
                raise ValueError("base: not for kind litellm; give options: {api_base: ...}")
        elif self.base is None:
            raise ValueError(f"base: is missing; kind {self.kind} needs the API's address")
        elif self.options:
            raise ValueError("options: only for kind litellm")
        return self


class Target(Strict):
    """Where a model is to be had.

    Attributes:
        upstream: name of an upstream.
        model: the model's name there; the one that was asked for where None.
        weight: share of the requests, against the route's other targets.
    """

    upstream: str
    model: str | None = None
    weight: float = Field(default=1.0, gt=0)


class Route(Strict):
    """Which models go where.

    Attributes:
        model: name or pattern (``*``, ``?``, ``[...]``) of the models it is for; the first route that fits counts.
        to: where they go, by weight; the others stand in where one fails.
        fallbacks: where they go after that, in order.
        timeout: seconds to the first byte of an answer, for each try.
        retries: further tries with the same target, before anything was passed on.
    """

    model: str = Field(min_length=1)
    to: Annotated[tuple[Target, ...], Field(min_length=1)]
    fallbacks: tuple[Target, ...] = ()
    timeout: float = Field(default=120.0, gt=0)
    retries: int = Field(default=2, ge=0, le=10)


def check_routes(upstreams: dict[str, UpstreamConfig], routes: tuple[Route, ...], default: str | None) -> None:
    """See that every name is that of an upstream; raises `ValueError` naming the field that is not."""
    if upstreams and not routes and default is None:
        raise ValueError("routes: upstreams are given, but no route leads to any; add routes or default_upstream")
    named = [(f"routes.{i}.to.{j}", target.upstream) for i, route in enumerate(routes) for j, target in _targets(route)]
    for where, name in [*named, *([("default_upstream", default)] if default else [])]:
        if name not in upstreams:
            known = ", ".join(sorted(upstreams)) or "none"
            raise ValueError(f"{where}: there is no upstream {name!r}; known are: {known}")


def _targets(route: Route) -> list[tuple[int, Target]]:
    return list(enumerate((*route.to, *route.fallbacks)))
