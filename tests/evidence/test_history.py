"""What earlier turns say and show."""

from __future__ import annotations

from typing import Any

from guard import Exchange, Guard, Turn
from guard.api import FORMATS
from guard.reading.conversation import HISTORY
from tests.samples import data_url, png


def test_earlier_turns_and_the_system_prompt_count_less(guard: Guard) -> None:
    turns = (
        Turn("system", "You are the assistant of a travel agency for Japan."),
        Turn("user", "I travel to Thailand next week."),
        Turn("assistant", "Enjoy!"),
        Turn("user", "Actually it is China. What gift?"),
    )
    cultures = {culture["code"]: culture for culture in guard.check(Exchange(turns)).cultures}
    assert set(cultures) == {"CN", "TH", "JP"}
    assert cultures["CN"]["score"] > 0.8
    assert max(cultures["TH"]["score"], cultures["JP"]["score"]) < 0.5
    assert {code: culture["from"] for code, culture in cultures.items()} == {
        "CN": "text", "TH": "history", "JP": "system",
    }  # fmt: skip


def test_the_picture_of_three_turns_ago_counts(guard: Guard) -> None:
    turns: list[Any] = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this? I fly to Shanghai on Monday."},
                {"type": "image_url", "image_url": {"url": data_url(png()).replace(";", ";name=wall-clock.png;", 1)}},
            ],
        },
        {"role": "assistant", "content": "A wall clock."},
        {"role": "user", "content": "Is it heavy?"},
        {"role": "assistant", "content": "About a kilo."},
        {"role": "user", "content": "Good. So shall I take it to my host as a present?"},
    ]
    decision = guard.check(FORMATS["chat"].read({"messages": turns}))
    assert decision.norms[0].id == "cn.gift.clocks"
    without = [{"role": "user", "content": "What is this?"}, *turns[1:]]
    assert guard.check(FORMATS["chat"].read({"messages": without})).action != decision.action


def test_a_thread_that_nobody_remembers_is_degraded_and_one_that_is_counts_less(guard: Guard) -> None:
    remembering = Guard(library=guard.library, scorer=guard.scorer)
    remembering.remember("t", remembering.check("A gift for my host in Japan?"))
    follow = Exchange.of("Which colour?")
    known, unknown = (Exchange(follow.turns, thread=thread) for thread in ("t", "u"))
    first = remembering.check("A gift for my host in Japan?").cultures[0]["score"]
    later = remembering.check(known).cultures[0]
    assert (later["code"], later["score"], later["from"]) == ("JP", round(first * HISTORY, 3), "history")
    assert remembering.check(known).degraded == ()
    assert remembering.check(unknown).degraded == ("thread",)
