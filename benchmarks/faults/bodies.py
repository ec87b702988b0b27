"""Hostile request bodies: what almost is a request of each API, and what is nothing at all."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

_TINY_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_TEXTS = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "Is a clock a good gift for my host in Shanghai?",
            "\u202e\u0000\ufeff{}{{}}%s%n${x}",
            "a" * 20_000,
            "\ud800",
            "👩‍👩‍👧‍👦" * 500,
            "é" * 3000 + "\u0301" * 3000,
            "I am from " * 800,
            "\r\nx-normguard-action: pass",
            "[" * 3000,
            "",
        ]
    ),
)
_NUMBERS = st.one_of(
    st.integers(), st.floats(), st.sampled_from([10**400, -1, 0, 2**63, 1e308, float("nan"), float("-inf")])
)
_ANYTHING: SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=4)),
    max_leaves=12,
)
_URLS = st.one_of(
    st.sampled_from(
        [
            f"data:image/png;base64,{_TINY_PNG}",
            f"data:image/png;base64,{_TINY_PNG[:-9]}",
            "data:image/png;base64,%%%%",
            "data:image/png;base64,",
            "data:text/html,<script>",
            "data:",
            "http://169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
            "http://[::1",
            "//x",
            "https://x/" + "a/" * 2000,
            "",
        ]
    ),
    _TEXTS,
)


_ABSENT = object()


def _mostly(strategy: SearchStrategy[Any], *, absent: int = 0) -> SearchStrategy[Any]:
    """The right thing, but for one time of twenty; missing `absent` times of twenty."""
    wrong_or_missing = {0: _ANYTHING, **dict.fromkeys(range(1, absent + 1), st.just(_ABSENT))}
    return st.integers(0, 19).flatmap(lambda n: wrong_or_missing.get(n, strategy))


def _object(**fields: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    """An object in which any field may be missing or wrong, with a stray one now and then."""
    rare = {"normguard", "n", "tools", "conversation", "background", "text", "response_format", "previous_response_id"}
    known = st.fixed_dictionaries({name: _mostly(f, absent=16 if name in rare else 1) for name, f in fields.items()})
    stray = _mostly(st.just({}))
    return st.builds(
        lambda a, b: {**(b if isinstance(b, dict) else {}), **{k: v for k, v in a.items() if v is not _ABSENT}},
        known,
        stray,
    )


_ROLES = st.sampled_from(["system", "developer", "user", "user", "user", "assistant", "tool", "function"])
_EXTRA = _object(
    country=st.sampled_from(["CN", "xx", "", "China"]),
    locale=st.sampled_from(["ja-JP", "zz", "-"]),
    policy=st.sampled_from(["default", "off", "nope"]),
    captions=st.lists(_TEXTS, max_size=3),
    location=st.lists(_NUMBERS, max_size=3),
)
_COMMON = {"model": st.sampled_from(["ok", "m"]), "stream": st.booleans(), "normguard": _EXTRA}

_CHAT_PART = st.one_of(
    _object(type=st.just("text"), text=_TEXTS),
    _object(type=st.just("image_url"), image_url=_object(url=_URLS, detail=st.just("low"))),
    _object(type=st.sampled_from(["input_audio", "file", "video_url", "new"]), input_audio=_ANYTHING, file=_ANYTHING),
)
_CHAT = _object(
    messages=st.lists(
        _mostly(
            _object(
                role=_ROLES,
                content=st.one_of(_TEXTS, st.lists(_mostly(_CHAT_PART), max_size=3), st.none()),
                tool_calls=st.lists(_object(id=_TEXTS, type=st.just("function"), function=_ANYTHING), max_size=2),
                tool_call_id=_TEXTS,
                name=_TEXTS,
            )
        ),
        max_size=4,
    ),
    n=_NUMBERS,
    tools=_ANYTHING,
    response_format=_object(type=st.sampled_from(["text", "json_object", "json_schema"])),
    **_COMMON,
)

_INPUT_PART = st.one_of(
    _object(type=st.sampled_from(["input_text", "output_text"]), text=_TEXTS),
    _object(type=st.just("input_image"), image_url=_URLS, file_id=_TEXTS),
    _object(type=st.sampled_from(["input_file", "computer_screenshot", "new"]), file_data=_URLS),
)
_RESPONSES = _object(
    input=st.one_of(
        _TEXTS,
        st.lists(
            _mostly(
                _object(
                    type=st.sampled_from(
                        ["message", "function_call_output", "reasoning", "item_reference", "computer_call_output"]
                    ),
                    role=_ROLES,
                    content=st.one_of(_TEXTS, st.lists(_mostly(_INPUT_PART), max_size=3)),
                    output=st.one_of(_TEXTS, st.lists(_mostly(_INPUT_PART), max_size=2)),
                    id=_TEXTS,
                )
            ),
            max_size=4,
        ),
    ),
    instructions=_TEXTS,
    previous_response_id=_TEXTS,
    conversation=st.one_of(_TEXTS, _object(id=_TEXTS)),
    background=st.booleans(),
    text=_object(format=_object(type=st.just("json_object"))),
    tools=_ANYTHING,
    **_COMMON,
)

_SOURCE = st.one_of(
    _object(type=st.just("base64"), media_type=st.sampled_from(["image/png", "text/html"]), data=st.just(_TINY_PNG)),
    _object(type=st.just("url"), url=_URLS),
    _object(type=st.just("file"), file_id=_TEXTS),
)
_IMAGE = _object(type=st.just("image"), source=_SOURCE)
_BLOCK = st.one_of(
    _object(type=st.just("text"), text=_TEXTS, cache_control=_ANYTHING),
    _IMAGE,
    _object(type=st.just("tool_result"), tool_use_id=_TEXTS, content=st.lists(_IMAGE, max_size=2)),
    _object(type=st.sampled_from(["tool_use", "thinking", "document", "new"]), input=_ANYTHING, source=_ANYTHING),
)
_MESSAGES = _object(
    system=st.one_of(_TEXTS, st.lists(_mostly(_BLOCK), max_size=2)),
    messages=st.lists(
        _mostly(_object(role=_ROLES, content=st.one_of(_TEXTS, st.lists(_mostly(_BLOCK), max_size=3)))), max_size=4
    ),
    max_tokens=_NUMBERS,
    tools=_ANYTHING,
    **_COMMON,
)

BY_API: dict[str, SearchStrategy[Any]] = {"chat/completions": _CHAT, "responses": _RESPONSES, "messages": _MESSAGES}

RAW: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b"0",
    b'"',
    b"{",
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\x00}\x00",
    b'{"messages": "\xff\xfe"}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"messages":[{"role":"user","content":' + b"[" * 900 + b"]" * 900 + b"}]}",
    b'{"messages": NaN}',
    b'{"n": 1e999999, "messages": [{"role":"user","content":"x"}]}',
    b'{"n": ' + b"9" * 6000 + b', "messages": [{"role":"user","content":"x"}]}',
    b'{"messages": [{"role":"user","content":"x"}], "messages": 5}',
    b'{"messages": 5, "messages": [{"role":"user","content":"x"}]}',
    b'{"messages":[{"role":"user","content":"\\ud83d"}]}',
    b'{"messages":[{"role":"user","content":"a\\u0000b"}]}',
    b"\x1f\x8b\x08\x00garbage",
    b"model=m&messages=x",
    b"--x\r\ncontent-disposition: form-data\r\n\r\n--x--",
    b'{"messages":[' + b'{"role":"user","content":"x"},' * 20_000 + b'{"role":"user","content":"x"}]}',
]


def bodies(api: str, count: int) -> list[bytes]:
    """`count` bodies for the route ``/v1/{api}``, always the same ones; some are cut or spoilt on the way."""
    found: list[bytes] = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(BY_API[api], st.integers(0, 20), st.integers(0, 10_000))
    def collect(body: Any, fate: int, where: int) -> None:
        raw = json.dumps(body).encode()
        if fate == 0:
            raw = raw[: where % (len(raw) + 1)]
        elif fate == 1:
            at = where % (len(raw) + 1)
            raw = raw[:at] + b"\xff\x00" + raw[at:]
        found.append(raw)

    collect()
    return found
