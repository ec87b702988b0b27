"""
title: NormGuard
description: Lets models know what people at the destination expect, before they answer.
requirements: aiohttp, pydantic
version: 0.1.0
license: Apache-2.0
"""

# A filter function of Open WebUI: paste this file into Admin Panel > Functions, and set its valves. It asks a NormGuard
# server, or, where no address is set, the library in Open WebUI's own environment.

import asyncio
import logging
from typing import Any, Optional

import aiohttp
from pydantic import BaseModel, Field

log = logging.getLogger("normguard")


class Filter:
    """Adds guidance to what goes to the model; the chat that people see and that is kept stays as it is."""

    class Valves(BaseModel):
        """What an administrator sets."""

        url: str = Field(default="", description="Address of a NormGuard server, such as http://normguard:8017")
        policy: str = Field(default="", description="Deployment policy; the server's default where empty")
        country: str = Field(default="", description="Destination where people name none, ISO 3166-1 alpha-2")
        timeout: float = Field(default=5.0, description="Seconds that the guard gets")
        fail_closed: bool = Field(default=False, description="Refuse the message where the guard cannot be asked")
        priority: int = Field(default=0, description="Filters of lower priority run first")

    def __init__(self) -> None:
        self.valves = self.Valves()
        self._guard: Any = None

    async def inlet(self, body: dict[str, Any], __user__: Optional[dict[str, Any]] = None) -> dict[str, Any]:  # noqa: UP045
        """Guard a chat before it is sent; raises with the educating message where the policy says block."""
        del __user__
        told = {name: value for name in ("policy", "country") if (value := getattr(self.valves, name))}
        request = {"model": body.get("model"), "messages": body.get("messages") or []}
        try:
            ask = self._ask_server if self.valves.url else self._ask_library
            async with asyncio.timeout(self.valves.timeout if self.valves.url else None):
                messages, refusal = await ask(request, told)
        except Exception as error:
            log.warning("NormGuard cannot be asked: %s", type(error).__name__)
            if self.valves.fail_closed:
                raise RuntimeError("The cultural guard cannot be reached; please try again later.") from None
            return body
        if refusal:
            raise RuntimeError(refusal)
        return {**body, "messages": messages}

    async def _ask_server(self, request: dict[str, Any], told: dict[str, str]) -> tuple[list[Any], str]:
        asked = {"api": "chat", "request": request, "normguard": told}
        url = self.valves.url.rstrip("/") + "/normguard/apply"
        async with aiohttp.ClientSession() as session, session.post(url, json=asked) as response:
            response.raise_for_status()
            answer = await response.json()
        return answer["request"]["messages"], (answer["decision"] or {}).get("message") or ""

    async def _ask_library(self, request: dict[str, Any], told: dict[str, str]) -> tuple[list[Any], str]:
        from guard import Guard, Hints

        if self._guard is None:
            self._guard = await asyncio.to_thread(Guard)
        hints = Hints(country=told["country"].upper()) if "country" in told else None
        applied, decision = await asyncio.to_thread(self._guard.apply, request, hints=hints, policy=told.get("policy"))
        return applied["messages"], decision.message or ""
