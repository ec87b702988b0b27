"""What was worked out lately is kept, up to a number."""

from __future__ import annotations

import threading

from guard.cache import Recent


def test_what_was_asked_for_last_is_kept() -> None:
    kept: Recent[str, int] = Recent(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)


def test_many_threads_lose_nothing_and_break_nothing() -> None:
    kept: Recent[int, int] = Recent(50)
    wrong: list[int] = []

    def use(offset: int) -> None:
        for number in range(2_000):
            key = (number * 7 + offset) % 100
            if kept.get(key) not in (None, key):
                wrong.append(key)
            kept.put(key, key)

    threads = [threading.Thread(target=use, args=(offset,)) for offset in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert wrong == []
    assert sum(kept.get(key) is not None for key in range(100)) == 50
