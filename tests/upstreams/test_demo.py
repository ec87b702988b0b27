"""The demo model that answers where no upstream is set."""

from __future__ import annotations

import base64
from collections.abc import Callable

from tests.samples import client, picture_message, png


def test_the_demo_model_without_an_upstream(start_proxy: Callable[..., str]) -> None:
    api = client(start_proxy())
    assert [model.id for model in api.models.list()] == ["normguard-demo"]
    message = picture_message(f"data:image/png;name=wall-clock.png;base64,{base64.b64encode(png()).decode()}")
    after = api.chat.completions.create(model="normguard-demo", messages=message).choices[0].message.content or ""
    before = (
        api.chat.completions.create(
            model="normguard-demo", messages=message, extra_headers={"x-normguard-policy": "off"}
        )
        .choices[0]
        .message.content
        or ""
    )
    assert "not a real one" in before
    assert "wonderful choice" in before
    assert "not a real one" in after
    assert "wonderful" not in after
    assert "alternative" in after
    stream = api.chat.completions.create(model="normguard-demo", messages=message, stream=True, n=1)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == after
