from langchain.agents import create_agent

from guard import Hints
from guard.integrations.langchain import NormGuardMiddleware

middleware = NormGuardMiddleware(hints=Hints(country="CN"), on_decision=lambda decision: print(decision.action))
agent = create_agent("openai:gpt-4o-mini", system_prompt="You are a travel guide.", middleware=[middleware])
state = agent.invoke({"messages": [{"role": "user", "content": "Is a wall clock a nice gift for my host?"}]})
print(state["messages"][-1].content)
