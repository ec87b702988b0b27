"""What a caller says of a request."""

from __future__ import annotations

from guard import Exchange, Guard, Hints


def test_a_hint_and_the_text_are_both_considered_the_text_first(guard: Guard) -> None:
    exchange = Exchange.of("What gift should I bring to a family in Japan?", hints=Hints(country="DE"))
    assert [culture["code"] for culture in guard.check(exchange).cultures[:2]] == ["JP", "DE"]
