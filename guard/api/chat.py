"""Chat Completions requests: read into an `Exchange`, and written back with guidance."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from guard.errors import ImageError, RequestError
from guard.types import Exchange, Hints, Image, Turn

_SYSTEM = ("system", "developer")
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_DATA_URL = re.compile(r"data:(?P<type>[^;,]*)(?P<parameters>(?:;[^;,]*)*),", re.IGNORECASE)


def read(body: Mapping[str, Any], hints: Hints | None = None) -> Exchange:
    """The conversation of a Chat Completions request.

    Only what the guard needs is looked at; parts of unknown types are left to the upstream.

    Raises:
        RequestError: messages are missing or of a wrong shape; `param` says where.
        ImageError: a data URL is no image, or not decodable.
    """
    messages = body.get("messages")
    if messages is None:
        raise RequestError("'messages' is missing: send a list of messages.", param="messages", code="missing_messages")
    if not isinstance(messages, list):
        raise RequestError(f"'messages' must be a list, not {_json_type(messages)}.", param="messages")
    if not messages:
        raise RequestError("'messages' is empty: send at least one message.", param="messages", code="empty_messages")
    return Exchange(tuple(_turn(message, f"messages[{i}]") for i, message in enumerate(messages)), hints or Hints())


def with_guidance(body: Mapping[str, Any], guidance: str) -> dict[str, Any]:
    """A copy of the request in which the model is told `guidance`; everything else stays as it was.

    It is added to the last of the leading system or developer messages, after the application's own words (which keeps
    a provider's prompt cache valid), or becomes a system message of its own where there is none.
    """
    messages: list[Any] = list(body["messages"])
    leading = 0
    while leading < len(messages) and messages[leading].get("role") in _SYSTEM:
        leading += 1
    if leading == 0:
        messages.insert(0, {"role": "system", "content": guidance})
    else:
        message = dict(messages[leading - 1])
        content = message.get("content")
        if isinstance(content, list):
            message["content"] = [*content, {"type": "text", "text": guidance}]
        else:
            message["content"] = f"{content}\n\n{guidance}" if content else guidance
        messages[leading - 1] = message
    return {**body, "messages": messages}


def _turn(message: Any, where: str) -> Turn:
    if not isinstance(message, dict):
        raise RequestError(f"A message must be an object, not {_json_type(message)}.", param=where)
    role = message.get("role")
    if not isinstance(role, str):
        raise RequestError("A message must have a 'role', a string.", param=f"{where}.role")
    content = message.get("content")
    neutral = _ROLES.get(role, "tool")
    if content is None:
        return Turn(neutral)
    if isinstance(content, str):
        return Turn(neutral, content)
    if not isinstance(content, list):
        raise RequestError(
            f"'content' must be a string or a list of parts, not {_json_type(content)}.", param=f"{where}.content"
        )
    texts: list[str] = []
    images: list[Image] = []
    for i, part in enumerate(content):
        at = f"{where}.content[{i}]"
        if not isinstance(part, dict):
            raise RequestError(f"A content part must be an object, not {_json_type(part)}.", param=at)
        match part.get("type"):
            case "text":
                if not isinstance(part.get("text"), str):
                    raise RequestError("A text part must have a 'text', a string.", param=f"{at}.text")
                texts.append(part["text"])
            case "image_url":
                images.append(_image(part.get("image_url"), f"{at}.image_url"))
    return Turn(neutral, "\n".join(texts), tuple(images))


def _image(value: Any, where: str) -> Image:
    url = value.get("url") if isinstance(value, dict) else value
    if not isinstance(url, str) or not url:
        raise RequestError(
            "An image part must have an 'image_url' with a 'url', a string.", param=where, code="invalid_image_url"
        )
    return image_of_url(url, f"{where}.url" if isinstance(value, dict) else where)


def image_of_url(url: str, param: str | None = None) -> Image:
    """The image at a data URL (RFC 2397; a ``name`` parameter is kept) or the address of a remote one.

    Raises:
        ImageError: the URL is neither, or its data is no image or not decodable.
    """
    if url[:5].lower() != "data:":
        if not re.match(r"https?://", url, re.IGNORECASE):
            raise ImageError(
                "An image must be given as an http(s) address or as a data URL.", param=param, code="invalid_image_url"
            )
        return Image(url=url, param=param)
    match = _DATA_URL.match(url)
    if match is None:
        raise ImageError("The data URL has no comma before its data.", param=param, code="invalid_image_url")
    type_ = match["type"].lower() or "text/plain"
    if not type_.startswith("image/"):
        raise ImageError(
            f"The data URL is of type {type_[:40]}, not an image. Use data:image/jpeg;base64,... or the like.",
            param=param,
            code="invalid_image_type",
        )
    parameters = [parameter.strip() for parameter in match["parameters"].split(";") if parameter]
    payload = url[match.end() :]
    if any(parameter.lower() == "base64" for parameter in parameters):
        try:
            data = base64.b64decode(payload, validate="%" not in payload)
        except (binascii.Error, ValueError) as error:
            raise ImageError(
                f"The data URL is not valid base64 ({error}).", param=param, code="invalid_image"
            ) from error
    else:
        data = unquote_to_bytes(payload)
    name = next((p.partition("=")[2] for p in parameters if p.lower().startswith("name=")), None)
    return Image(data=data, name=name, param=param)


def _json_type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
