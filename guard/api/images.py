"""Pictures as requests carry them: data URLs, base64 and addresses."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from guard.errors import ImageError
from guard.types import Image

_DATA_URL = re.compile(r"data:(?P<type>[^;,]*)(?P<parameters>(?:;[^;,]*)*),", re.IGNORECASE)


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
        data = bytes_of_base64(payload, param)
    else:
        data = unquote_to_bytes(payload)
    name = next((p.partition("=")[2] for p in parameters if p.lower().startswith("name=")), None)
    return Image(data=data, name=name, param=param)


def bytes_of_base64(payload: str, param: str | None = None) -> bytes:
    """The bytes of base64 text (percent-encoded text, as in URLs, is forgiven); raises `ImageError` if it is none."""
    try:
        return base64.b64decode(payload, validate="%" not in payload)
    except (binascii.Error, ValueError) as error:
        raise ImageError(f"The picture is not valid base64 ({error}).", param=param, code="invalid_image") from error
