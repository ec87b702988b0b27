"""A source of evidence is one file and one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from guard import Exchange, Guard, Image, ImageError
from guard import evidence as package
from guard.evidence import SOURCES, dispensable, sources
from guard.evidence.base import Parts, Source
from guard.evidence.gather import Gatherer
from guard.types import Evidence, Picture
from guard.vision import ocr
from guard.vision.ocr import SignReader
from tests.conftest import FakeUpstream
from tests.paths import ROOT
from tests.policies import AsPolicies
from tests.samples import data_url, picture_message, png


class Weather(Source):
    """A toy: snow is a matter of Japan."""

    name = "weather"
    seen: list[Picture]

    def __call__(self, exchange: Exchange) -> Iterator[Evidence]:
        if "hail" in exchange.query:
            raise RuntimeError("the barometer is broken")
        if "snow" in exchange.query:
            yield Evidence("culture", "JP", 0.9, "weather")

    def prefetch(self, picture: Picture, data: bytes) -> None:
        self.seen.append(picture)


@pytest.fixture
def weather(monkeypatch: pytest.MonkeyPatch) -> type[Weather]:
    toy = type("Toy", (Weather,), {"seen": []})
    monkeypatch.setattr(package, "SOURCES", (*SOURCES, toy))
    return toy


def another(guard: Guard, **parts: Any) -> Guard:
    policies = AsPolicies(strict={"on_fault": {"evidence": "closed"}})
    return Guard(library=guard.library, scorer=guard.scorer, policies=policies, **parts)


def test_a_line_is_enough_to_count_and_to_be_reported(guard: Guard, weather: type[Weather]) -> None:
    with_toy = another(guard)
    decision = with_toy.check("What do I wear when snow falls?")
    assert decision.cultures[0] == {"code": "JP", "score": 0.9, "from": "weather"}
    decision = with_toy.check("What do I wear in Japan when hail falls?")
    assert decision.degraded == ("weather",)
    assert decision.cultures[0]["code"] == "JP"


@pytest.mark.parametrize(("may_be_missing", "status"), [(False, 503), (True, 200)])
def test_a_line_is_enough_for_metrics_and_policies(
    guard: Guard,
    weather: type[Weather],
    upstream: FakeUpstream,
    start_proxy: Callable[..., str],
    may_be_missing: bool,
    status: int,
) -> None:
    weather.may_be_missing = may_be_missing
    address = start_proxy(another(guard), upstream=upstream.base)
    body: dict[str, Any] = {"model": "m", "messages": picture_message(data_url(png((31, 17))), "Gifts, and hail?")}
    assert httpx.post(f"{address}/v1/chat/completions", json=body).headers["x-normguard-status"] == "degraded"
    assert [picture.size for picture in weather.seen] == [(31, 17)]
    assert 'normguard_degraded_total{source="weather"} 1.0' in httpx.get(f"{address}/metrics").text
    strict = httpx.post(f"{address}/v1/chat/completions", json=body, headers={"x-normguard-policy": "strict"})
    assert strict.status_code == status
    if status == 503:
        assert strict.json()["error"]["code"] == "guard_degraded"
        assert "weather" in strict.text


def test_the_page_lists_just_the_sources() -> None:
    section = (ROOT / "docs/use/evidence.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \|.*\| (a fault|no fault) \|$", section, re.MULTILINE)
    assert rows == [(source.name, "no fault" if source.may_be_missing else "a fault") for source in SOURCES]
    assert all(f"`{name}`" in section for name in dispensable())


def test_names_are_each_sources_own_and_stay() -> None:
    assert [source.name for source in SOURCES] == [
        "hint", "text", "language", "picture", "caption", "vision", "ocr", "model", "thread",
    ]  # fmt: skip
    assert dispensable() == {
        "thread", "language", "remote-image", "timeout", "text-limit", "picture-limit", "unread-part",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["vision", "ocr", "model"])
def test_a_source_that_has_nothing_to_go_by_gives_nothing(guard: Guard, name: str) -> None:
    parts = Parts(guard.library)
    source = next(source for source in sources(parts) if source.name == name)
    image = Gatherer(parts).prefetch(Image(data=png()))
    assert list(source(Exchange.of("A gift for my host in Japan?", images=[image]))) == []


def test_a_damaged_picture_is_the_callers_fault_whatever_fails(guard: Guard, weather: type[Weather]) -> None:
    images = [Image(data=png()[:60], param="here")]
    for work in (Gatherer(Parts(guard.library)), another(guard).check):
        with pytest.raises(ImageError) as caught:
            work(Exchange.of("hail", images=images))
        assert caught.value.param == "here"


def test_a_picture_that_is_too_much_for_ocr_alone_is_no_fault_of_the_caller(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr, "_engine", lambda: lambda pixels: SimpleNamespace(txts=None, scores=None))
    looking = another(guard, ocr=SignReader(budget=5.0))

    def small_ones_only(data: bytes, *, edge: int = 384, **rest: Any) -> Picture:
        if edge > 384:
            raise ImageError("The image takes too much memory to decode.", code="image_too_costly")
        return decoder(data, **rest)

    decoder, looking.pictures.decoder = looking.pictures.decoder, small_ones_only
    decision = looking.check(Exchange.of("A gift for my host in Japan?", images=[Image(data=png())]))
    assert decision.degraded == ("ocr",)
    assert decision.cultures[0]["code"] == "JP"
