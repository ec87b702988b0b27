"""Questions, pictures and requests that many tests send."""

from __future__ import annotations

import base64
import io
from typing import Any

from openai import OpenAI
from PIL import Image

CLOCK = "My colleague in Shanghai has a new baby. Is this wall clock a good gift?"
HARMLESS = "How many grams are three cups of flour?"


def client(proxy: str, **more: Any) -> OpenAI:
    return OpenAI(base_url=f"{proxy}/v1", api_key="sk-test", max_retries=0, **more)


def png(size: tuple[int, int] = (64, 48)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, "PNG")
    return buffer.getvalue()


def data_url(data: bytes, type_: str = "image/png") -> str:
    return f"data:{type_};base64,{base64.b64encode(data).decode()}"


def picture_message(url: str, text: str = CLOCK) -> list[Any]:
    return [
        {"role": "user", "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]}
    ]


BODY = {"model": "m", "messages": [{"role": "user", "content": CLOCK}]}

PICTURE = base64.b64encode(png()).decode()
ADDRESS = "https://shop.example/wall-clock.jpg"

REQUESTS: dict[str, dict[str, Any]] = {
    "chat": {"model": "m", "messages": [{"role": "user", "content": CLOCK}]},
    "responses": {"model": "m", "input": CLOCK},
    "messages": {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": CLOCK}]},
}
