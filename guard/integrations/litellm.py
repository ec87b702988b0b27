"""LiteLLM: a guardrail for its proxy and its library.

In a proxy's ``config.yaml``, beside a file ``norms.py`` that says
``from guard.integrations.litellm import NormGuardrail``::

    guardrails:
      - guardrail_name: normguard
        litellm_params: {guardrail: norms.NormGuardrail, mode: pre_call, default_on: true}
"""

from __future__ import annotations

import asyncio
from typing import Any

from litellm.integrations.custom_guardrail import CustomGuardrail
from litellm.types.guardrails import GuardrailEventHooks

from guard.integrations.base import Conversations
from guard.pipeline import Guard

_APIS = {
    "completion": "chat",
    "acompletion": "chat",
    "responses": "responses",
    "aresponses": "responses",
    "anthropic_messages": "messages",
}


class NormGuardrail(CustomGuardrail):
    """Guards chat completions, responses and messages before they are sent.

    ``advise`` and ``rewrite`` change the request, ``block`` answers with the educating message (status 200), ``verify``
    advises and does not check the answer. The decision is in the request's metadata as ``normguard``.

    Args:
        policy: deployment policy; of the request's ``normguard_policy`` in its metadata, if there is one.
        guard: what decides; one for the whole process by default.
    """

    def __init__(self, policy: str | None = None, guard: Guard | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("supported_event_hooks", [GuardrailEventHooks.pre_call])
        super().__init__(**kwargs)
        self._conversations = Conversations(guard, policy=policy)

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: Any
    ) -> Any:
        del user_api_key_dict, cache
        api = _APIS.get(str(getattr(call_type, "value", call_type)))
        if api is None or not self.should_run_guardrail(data=data, event_type=GuardrailEventHooks.pre_call):
            return data
        handling = await asyncio.to_thread(self._conversations.handle, api, data)
        if handling is None:
            return data
        metadata = data.get("metadata")
        told = {"action": str(handling.decision.action), "norms": [norm.id for norm in handling.decision.norms]}
        changed = {**handling.body, "metadata": {**(metadata if isinstance(metadata, dict) else {}), "normguard": told}}
        if handling.decision.message is not None:
            self.raise_passthrough_exception(handling.decision.message, {**data, "metadata": changed["metadata"]})
        data.update(changed)
        return data
