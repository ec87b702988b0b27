"""What `normguard check` is asked, as the guard takes it: a question, pictures of this disk, hints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import model_validator

from guard.api.images import image_of_url
from guard.api.options import Extra, hints_of, read_extra
from guard.errors import ImageError, RequestError
from guard.files import Strict
from guard.types import Exchange, Image, Turn

if TYPE_CHECKING:
    from guard.pipeline import Guard
    from guard.policy.model import DeploymentPolicy, Policies


class Said(Strict):
    """A turn of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str


class Asked(Extra):
    """A question, the conversation before it, and what a caller may tell beside it: a line of ``--jsonl``.

    Attributes:
        query: what the user asks; where it is missing, the last of `turns`.
        turns: what was said before, oldest first.
    """

    id: Any = None
    query: str | None = None
    turns: tuple[Said, ...] = ()
    images: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if self.query is None and not (self.turns and self.turns[-1].role == "user"):
            raise ValueError("give a query, or turns of which the last is the user's")
        return self


def read_asked(given: Any, policies: Policies, policy: str) -> tuple[Exchange, DeploymentPolicy]:
    """A question as the guard takes it, and the policy that is to apply: `policy` where it names none.

    Raises:
        RequestError, ImageError, PolicyError: a field or a picture cannot be used, or there is no such policy.
    """
    asked = read_extra(given, kind=Asked)
    rules = policies.get(asked.policy or policy)
    images = [_image(image, remote=rules.remote_images) for image in asked.images]
    said = [Turn(turn.role, turn.text) for turn in asked.turns]
    if asked.query is not None:
        said.append(Turn("user", asked.query))
    said[-1] = replace(said[-1], images=tuple(images))
    return Exchange(tuple(said), hints_of(asked)), rules


def prepared(guard: Guard, exchange: Exchange, rules: DeploymentPolicy, seconds: float) -> Exchange:
    """The exchange with its pictures looked at; raises `RequestError` where that takes more than `seconds`."""
    if not exchange.images:
        return exchange
    from guard.flow.prepare import prepared as look

    try:
        return look(guard, exchange, rules, seconds=seconds)
    except TimeoutError:
        raise RequestError(f"Its pictures took longer than the guard's {seconds:g} s (guard_timeout).") from None


def _image(given: str, *, remote: bool) -> Image:
    if given.lower().startswith(("http://", "https://")):
        if not remote:
            raise ImageError(
                f"{given[:80]}: the policy has pictures not fetched from addresses. Give a file, or a policy with "
                "remote_images: true.",
                code="remote_images_off",
            )
        return image_of_url(given, "image")
    if given[:5].lower() == "data:":
        image = image_of_url(given, "image")
    else:
        path = Path(given)
        try:
            with path.open("rb") as file:
                from guard.pictures.decode import MAX_BYTES  # not before there is a file

                image = Image(data=file.read(MAX_BYTES + 1), name=path.name, param=str(path))
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            why = getattr(error, "strerror", None) or error
            raise ImageError(f"{str(path)!r}: cannot be read: {why}.", code="invalid_image") from error
    from guard.pictures.decode import decode

    return replace(image, picture=decode(image.data or b"", param=image.param))
