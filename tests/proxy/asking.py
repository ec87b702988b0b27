"""Requests under a policy, and reloads of a server's files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx

from guard.settings import Settings, read_settings
from tests.samples import BODY, data_url, picture_message, png


def post(address: str, policy: str, *, picture: bool = True, n: int = 0) -> httpx.Response:
    messages = picture_message(data_url(png((64 + n, 48)))) if picture else BODY["messages"]
    headers = {"x-normguard-policy": policy}
    body = {"model": "m", "messages": messages}
    return httpx.post(f"{address}/v1/chat/completions", json=body, headers=headers, timeout=10)


def reloadable(folder: Path, base: str) -> Callable[[], Settings]:
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "norms").mkdir(exist_ok=True)
    file = folder / "normguard.yaml"
    given = {"upstream": base, "policies": str(folder / "policies"), "norms": [str(folder / "norms")], "vision": "none"}
    file.write_text(json.dumps(given))
    return lambda: read_settings(file)


def reload(address: str) -> httpx.Response:
    return httpx.post(f"{address}/normguard/admin/reload", timeout=60)
