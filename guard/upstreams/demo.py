"""A stand-in for a vision-language model, so that the guard can be tried without a key. It is not a model.

It "sees" a picture by its file name, answers every question about a choice with the thing seen, as an unaware
assistant would, and heeds a cultural note when it is given one that speaks of that thing. The same request always gets
the same answer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic_core import from_json, to_json

from guard.api import APIS, WireFormat
from guard.errors import RequestError
from guard.text.words import stems
from guard.types import Exchange, Image
from guard.upstreams.base import Headers, Reply

MODEL = "normguard-demo"

_APIS = {api.path: api for api in APIS}
_NOTE = re.compile(r"^- (?P<norm>.+?) Instead: (?P<instead>.+?)\.$", re.MULTILINE)
_MARK = {"ja": "【デモ用の応答・実在のモデルではありません】", "en": "[demo model, not a real one]"}
_UNAWARE = {
    "ja": "{thing}がよいと思います。きっと喜ばれますよ！",
    "en": "{thing} would be a wonderful choice. I'm sure it will be well received!",
}
_AWARE = {
    "ja": "{thing}を選ぶ前に、現地の考え方をひとつ: {norm} 代わりのご提案: {instead}",
    "en": "A word before you decide on {thing}: {norm} A good alternative: {instead}.",
}
_NOTHING = {"ja": "ご質問を受け取りました: 「{query}」", "en": "You asked: “{query}”"}
_THIS = {"ja": "これ", "en": "this one"}


@dataclass(frozen=True, slots=True)
class _Seen:
    query: str
    thing: str
    has_picture: bool
    notes: tuple[tuple[str, str], ...]


class DemoUpstream:
    """The demo model behind the interface of an upstream, in the same process."""

    name = "demo"
    by_model = False

    async def send(
        self, method: str, path: str, headers: Headers, body: bytes | AsyncIterator[bytes], *, model: str | None = None
    ) -> Reply:
        raw = body if isinstance(body, bytes) else b"".join([chunk async for chunk in body])
        match method, path.partition("?")[0]:
            case "GET", "models":
                listed = {"id": MODEL, "object": "model", "created": 0, "owned_by": "normguard"}
                return _json(200, {"object": "list", "data": [listed]})
            case "POST", asked if asked in _APIS:
                try:
                    return _complete(_APIS[asked], from_json(raw))
                except (RequestError, ValueError, TypeError, KeyError) as error:
                    return _refuse(400, str(error), "invalid_request")
            case _:
                return _refuse(404, "The demo model only chats.", "not_found")

    async def close(self) -> None:
        """Nothing to close."""


def _complete(api: WireFormat, request: dict[str, Any]) -> Reply:
    count = request.get("n") or 1
    if not isinstance(count, int) or not 1 <= count <= 16:
        raise RequestError("'n' must be a number from 1 to 16.", param="n")
    id_ = "demo-" + hashlib.sha256(to_json(request)).hexdigest()[:16]
    said = api.answer({"model": MODEL, "n": count}, answer(api.read(request)), id_=id_)
    if request.get("stream"):
        return Reply(200, [("content-type", "text/event-stream; charset=utf-8")], _events(api, said))
    return _json(200, said)


def answer(exchange: Exchange) -> str:
    """What the demo model says to a conversation."""
    seen = _look(exchange)
    language = "ja" if re.search("[\u3040-\u30ff]", seen.query) else "en"
    if not seen.has_picture and not seen.notes:
        return f"{_MARK[language]} {_NOTHING[language].format(query=seen.query[:200])}"
    thing = seen.thing or _THIS[language]
    if fitting := _fitting(seen):
        norm, instead = fitting
        return f"{_MARK[language]} {_AWARE[language].format(thing=thing, norm=norm, instead=instead)}"
    text = _UNAWARE[language].format(thing=thing)
    return f"{_MARK[language]} {text[0].upper()}{text[1:]}"


def _look(exchange: Exchange) -> _Seen:
    notes = [(m["norm"], m["instead"]) for turn in exchange.turns for m in _NOTE.finditer(turn.text)]
    names = [_name(image) for image in exchange.images]
    thing = next((name for name in reversed(names) if name), "")
    return _Seen(exchange.query.partition("\n\nCultural note")[0], thing, bool(exchange.images), tuple(notes))


def _name(image: Image) -> str:
    path = image.name or (urlsplit(image.url).path if image.url else "")
    stem = unquote(path).rpartition("/")[2].rpartition(".")[0] or path
    words = re.sub(r"[-_+\d]+", " ", stem).strip()
    return f"the {words}" if words.isascii() and words else words


def _fitting(seen: _Seen) -> tuple[str, str] | None:
    """The note that speaks of what is seen or asked, by shared words; None if none does.

    It knows English words only: of a thing named in another script it believes the first note, which is the likeliest.
    """
    if seen.notes and seen.thing and not seen.thing.isascii():
        return seen.notes[0]
    looked = set(stems(seen.thing or seen.query, "en")) - {"the", "a"}
    best = max(seen.notes, key=lambda note: len(looked & set(stems(note[0], "en"))), default=None)
    return best if best and looked & set(stems(best[0], "en")) else None


def _refuse(status: int, message: str, code: str) -> Reply:
    return _json(status, APIS[0].error(status, message, code=code))


def _json(status: int, body: object) -> Reply:
    async def once() -> AsyncIterator[bytes]:
        yield to_json(body)

    return Reply(status, [("content-type", "application/json")], once())


async def _events(api: WireFormat, said: dict[str, Any]) -> AsyncIterator[bytes]:
    for event in api.events(said):
        yield event.encode()
