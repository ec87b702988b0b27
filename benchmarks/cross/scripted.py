"""Scripted models and judges behind a local OpenAI-compatible server: no models, only a way to try the benchmark.

Every reply names its model ``scripted-...``, from which the report knows what it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from guard.testing import reply, serve

SUBJECTS = ("ignores", "follows", "refuses", "rambles", "flaky")
JUDGES = ("judge", "judge-lenient", "judge-prose", "judge-hesitant")

REFUSED = "(refuse this request)"
"""A request with these words in it is always answered with an error."""

_NOTE = re.compile(r"^- (?P<norm>.+?) Instead: (?P<instead>.+?)\.$", re.MULTILINE)
_REFUSAL = "I am sorry, but I cannot help with that."


class ScriptedServer:
    """Chat completions from scripts, chosen by the request's model name.

    Subjects: ``ignores`` its system message and says yes; ``follows`` the first norm that it is told; ``refuses``;
    ``rambles``; ``flaky`` follows, but fails the first time it is asked for half of the requests. Judges: ``judge``
    decides by the words of answer and norm; ``judge-lenient`` finds every answer helpful and compliant; ``judge-prose``
    never gives a score; ``judge-hesitant`` gives one when asked again.

    Attributes:
        calls: answered requests by model.
        failures: requests that were refused on purpose.
        bodies: every request that was answered.
        delay: seconds that each answer takes.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.failures = 0
        self.bodies: list[dict[str, Any]] = []
        self.delay = 0.0
        self.base = ""
        self._failed: set[str] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raw, more = b"", True
        while more:
            message = await receive()
            raw += message.get("body", b"")
            more = message.get("more_body", False)
        if not scope["path"].endswith("/chat/completions"):
            await reply(send, 404, {"error": {"message": "only chat/completions is scripted"}})
            return
        body = json.loads(raw)
        name = body["model"].rpartition("/")[2]
        if name not in SUBJECTS + JUDGES:
            await reply(send, 404, {"error": {"message": f"no script {name!r}"}})
            return
        if REFUSED in raw.decode():
            await reply(send, 400, {"error": {"message": "this request is refused", "code": "refused"}})
            return
        if name == "flaky" and self._fails(raw):
            self.failures += 1
            status = 429 if self.failures % 2 else 503
            await reply(send, status, {"error": {"message": "try again"}}, {"retry-after-ms": "5"})
            return
        await asyncio.sleep(self.delay)
        text = _judged(name, body["messages"]) if name in JUDGES else _answered(name, body["messages"])
        self.calls[name] += 1
        self.bodies.append(body)
        usage = {"prompt_tokens": _size(body["messages"]), "completion_tokens": len(text) // 4 + 1}
        await reply(
            send,
            200,
            {
                "id": f"chatcmpl-{len(self.bodies)}",
                "object": "chat.completion",
                "created": 0,
                "model": f"scripted-{name}",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
                "usage": {**usage, "total_tokens": sum(usage.values())},
            },
        )

    def _fails(self, raw: bytes) -> bool:
        digest = hashlib.sha256(raw).hexdigest()
        if digest in self._failed or int(digest, 16) % 2:
            return False
        self._failed.add(digest)
        return True


@contextlib.contextmanager
def serving() -> Iterator[ScriptedServer]:
    """The server on a free port of the loopback interface; its `base` is the address of the API."""
    app = ScriptedServer()
    with serve(app) as address:
        app.base = f"{address}/v1"
        yield app


def _answered(name: str, messages: list[dict[str, Any]]) -> str:
    told = "\n".join(_text(m) for m in messages if m["role"] in {"system", "developer"})
    asked = " ".join(_text(m) for m in messages if m["role"] == "user")
    match name:
        case "refuses":
            return _REFUSAL
        case "rambles":
            return " ".join(f"On the other hand, point {i} also deserves a thought." for i in range(120))
        case "follows" | "flaky" if note := _NOTE.search(told):
            return f"A word first: {note['norm']} Better: {note['instead']}."
        case _:
            return f"Yes, go ahead, a lovely idea! You asked: {asked[:80]}"


def _judged(name: str, messages: list[dict[str, Any]]) -> str:
    system, question = _text(messages[0]), _text(messages[1])
    asked = sum(m["role"] == "user" for m in messages)
    if name == "judge-prose" or (name == "judge-hesitant" and asked == 1):
        return "There is much to be said for this answer, and something against it."
    if "<first>" in question:
        first, second = (_between(question, tag) for tag in ("first", "second"))
        better = "SAME" if (_REFUSAL in first) == (_REFUSAL in second) else "SECOND" if _REFUSAL in first else "FIRST"
        return f"By the script.\nBETTER: {better}"
    if "<answer>" in question:
        scores = _scores(name, _between(question, "expectation"), _between(question, "answer"))
        lines = "\n".join(f"{dimension.upper()}: {score}" for dimension, score in scores.items())
        return f"By the script.\n{lines}"
    norm = question.partition("Violated Norm:")[2].partition("Model Response:")[0]
    answer = question.partition("Model Response:")[2].partition("Based on the provided image")[0]
    scores = _scores(name, norm, answer)
    criterion = question.partition("Based on the provided image")[2]
    for word, score in (
        ("awareness", scores["awareness"]),
        ("explains or educates", scores["education"]),
        ("avoids violating", 1 - scores["compliance"]),
        ("actionable", scores["helpfulness"]),
    ):
        if word in criterion:
            return f"By the script.\n\nScore: {score}"
    return f"By the script, which knows no such question ({system[:20]})."


def _scores(name: str, norm: str, answer: str) -> dict[str, int]:
    aware = "A word first" in answer and len(_words(norm) & _words(answer)) >= 2
    empty = _REFUSAL in answer or "On the other hand" in answer
    if name == "judge-lenient":
        return {"awareness": int(aware), "education": int(aware), "compliance": 1, "helpfulness": 1}
    return {
        "awareness": int(aware),
        "education": int(aware and ":" in answer.partition("A word first:")[2].partition("Better")[0]),
        "compliance": int(aware or empty),
        "helpfulness": int(not empty),
    }


def _words(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"[a-z]{4,}", text.lower())} - {
        "with",
        "that",
        "this",
        "they",
        "from",
        "instea",
    }


def _between(text: str, tag: str) -> str:
    match = re.search(rf"<{tag}[^>]*>\n(.*?)\n</{tag}>", text, re.DOTALL)
    return match[1] if match else ""


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def _size(messages: list[dict[str, Any]]) -> int:
    return sum(len(_text(message)) // 4 + 4 for message in messages)
