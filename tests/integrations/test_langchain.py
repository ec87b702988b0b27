"""NormGuardMiddleware in real agents, with a model that notes what it is given."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("langchain", reason="langchain is not in this environment; see scripts/test-integrations")

from langchain.agents import create_agent
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from pydantic import Field

from guard import Decision, Guard, Hints
from guard.integrations.langchain import NormGuardMiddleware
from tests.policies import BAD, GOOD
from tests.samples import CLOCK, HARMLESS, PICTURE


class Noting(BaseChatModel):
    """Answers what it was told to, one after the other, and notes what it was given."""

    answers: list[Any]
    given: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "noting"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        del tools, kwargs
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.given.append(list(messages))
        answer = self.answers[min(len(self.given), len(self.answers)) - 1]
        message = AIMessage(content=answer) if isinstance(answer, str) else answer
        return ChatResult(generations=[ChatGeneration(message=message)])


def asking(text: str = CLOCK) -> dict[str, Any]:
    return {"messages": [HumanMessage(text)]}


def test_guidance_goes_to_the_model_and_not_into_the_state(acting: Guard) -> None:
    seen: list[Decision] = []
    model = Noting(answers=["fine"])
    middleware = NormGuardMiddleware(acting, on_decision=seen.append)
    agent = create_agent(model, system_prompt="Be brief.", middleware=[middleware])
    state = agent.invoke(asking())
    state = agent.invoke({"messages": [*state["messages"], HumanMessage(CLOCK)]})
    for given in model.given:
        assert isinstance(given[0], SystemMessage)
        assert str(given[0].text).startswith("Be brief.\n\nCultural note, China")
        assert "".join(str(message.content) for message in given).count("Cultural note") == 1
    assert "Cultural note" not in str(state["messages"])
    assert [decision.action for decision in seen] == ["advise", "advise"]
    create_agent(model, middleware=[middleware]).invoke(asking(HARMLESS))
    assert not isinstance(model.given[-1][0], SystemMessage)


def test_pictures_count(acting: Guard) -> None:
    model = Noting(answers=["fine"])
    agent = create_agent(model, middleware=[NormGuardMiddleware(acting, hints=Hints(country="CN"))])
    content: Any = [
        {"type": "text", "text": "Shall I take this to my host as a present?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;name=wall-clock.png;base64,{PICTURE}"}},
    ]
    agent.invoke({"messages": [HumanMessage(content)]})
    assert "Clocks are not given" in str(model.given[0][0].content)


async def test_async_and_streaming(acting: Guard) -> None:
    model = Noting(answers=["fine"])
    agent = create_agent(model, middleware=[NormGuardMiddleware(acting)])
    await agent.ainvoke(asking())
    async for _ in agent.astream(asking()):
        pass
    assert all("Cultural note" in str(given[0].content) for given in model.given)
    assert len(model.given) == 2


def test_a_loop_of_tools(acting: Guard) -> None:
    @tool
    def price(item: str) -> str:
        """The price of an item."""
        return f"{item}: 30 euros"

    call = AIMessage(content="", tool_calls=[{"name": "price", "args": {"item": "clock"}, "id": "1"}])
    model = Noting(answers=[call, "It costs 30 euros."])
    state = create_agent(model, tools=[price], middleware=[NormGuardMiddleware(acting, policy="verify")]).invoke(
        asking()
    )
    assert state["messages"][-1].content == "It costs 30 euros."
    assert len(model.given) == 2
    assert all("Cultural note" in str(given[0].content) for given in model.given)


@pytest.mark.parametrize("is_async", [False, True])
async def test_every_action(acting: Guard, is_async: bool) -> None:
    async def answer(policy: str, *answers: str) -> tuple[str, Noting]:
        model = Noting(answers=list(answers))
        agent = create_agent(model, middleware=[NormGuardMiddleware(acting, policy=policy)])
        state = await agent.ainvoke(asking()) if is_async else agent.invoke(asking())
        return str(state["messages"][-1].content), model

    text, model = await answer("block", "fine")
    assert text.startswith("Before going on")
    assert model.given == []
    text, model = await answer("rewrite", "fine")
    assert str(model.given[0][-1].content).startswith(f"{CLOCK}\n\nPlease take into account")
    text, model = await answer("monitor", "fine")
    assert [message.content for message in model.given[0]] == [CLOCK]
    text, model = await answer("verify", BAD, GOOD)
    assert text == GOOD
    assert len(model.given) == 2
    assert isinstance(model.given[1][-2], AIMessage)


def test_a_policy_that_is_not_there(acting: Guard) -> None:
    with pytest.raises(Exception, match="no policy"):
        NormGuardMiddleware(acting, policy="nope")
