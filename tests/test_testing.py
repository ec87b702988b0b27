"""What comes along for tests of applications."""

from __future__ import annotations

import pytest
from openai import InternalServerError, OpenAI

from guard import Guard
from guard.testing import Upstream, proxy, serve

QUESTION = "Is a wall clock a nice gift for my host in Shanghai?"


def test_an_application_is_tried_through_the_proxy_with_a_scripted_model(guard: Guard) -> None:
    upstream = Upstream(says=lambda request: "A fine idea.")
    with serve(upstream) as model, proxy(guard, upstream=f"{model}/v1") as address:
        client = OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
        answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": QUESTION}])
        assert answer.choices[0].message.content == "A fine idea."
        assert "clock" in upstream.last["messages"][0]["content"].lower()
        assert upstream.last["messages"][0]["role"] == "system"
        streamed = client.responses.create(model="m", input="2+2?", stream=True)
        assert (
            "".join(event.delta for event in streamed if event.type == "response.output_text.delta") == "A fine idea."
        )
        assert upstream.paths == ["/v1/chat/completions", "/v1/responses"]
        upstream.says = lambda request: None
        with pytest.raises(InternalServerError, match="out of order"):
            client.responses.create(model="m", input="2+2?")
    with pytest.raises(Exception, match="onnection"):
        client.models.list()
