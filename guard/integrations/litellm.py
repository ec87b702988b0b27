"""LiteLLM: a guardrail for its proxy and its library.

In a proxy's ``config.yaml``, beside a file ``norms.py`` that says
``from guard.integrations.litellm import NormGuardrail``::

    guardrails:
      - guardrail_name: normguard
        litellm_params: {guardrail: norms.NormGuardrail, mode: pre_call, default_on: true}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litellm.integrations.custom_guardrail import CustomGuardrail
from litellm.types.guardrails import GuardrailEventHooks

from guard.api import APIS
from guard.integrations.base import Conversations
from guard.pipeline import Guard

_APIS = {call: api for api in APIS for call in api.litellm_calls}


class NormGuardrail(CustomGuardrail):
    """Guards chat completions, responses and messages before they are sent.

    ``advise`` and ``rewrite`` change the request, ``block`` answers with the educating message (status 200), ``verify``
    advises and does not check the answer. The decision is in the request's metadata as ``normguard``.

    Args:
        policy: deployment policy; of the request's ``normguard_policy`` in its metadata, if there is one.
        guard: what decides; one for the whole process by default, as the settings found here say.
        settings: a settings file that describes the guard, in its place.
    """

    def __init__(
        self,
        policy: str | None = None,
        guard: Guard | None = None,
        settings: Path | str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("supported_event_hooks", [GuardrailEventHooks.pre_call])
        super().__init__(**kwargs)
        self._conversations = Conversations(guard, settings=settings, policy=policy)

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: Any
    ) -> Any:
        del user_api_key_dict, cache
        api = _APIS.get(str(getattr(call_type, "value", call_type)))
        if api is None or not self.should_run_guardrail(data=data, event_type=GuardrailEventHooks.pre_call):
            return data
        flow = await self._conversations.aguarded(api, data)
        decision = flow.decision
        if decision is None:
            return data
        metadata = data.get("metadata")
        told = {"action": str(decision.action), "norms": [norm.id for norm in decision.norms]}
        changed = {**flow.out, "metadata": {**(metadata if isinstance(metadata, dict) else {}), "normguard": told}}
        if flow.own is not None:
            self.raise_passthrough_exception(decision.message, {**data, "metadata": changed["metadata"]})
        data.update(changed)
        return data
