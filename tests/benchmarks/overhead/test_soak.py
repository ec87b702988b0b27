"""The soak: slopes of memory."""

from __future__ import annotations

from benchmarks.overhead.soak import memory, slope


def test_slopes() -> None:
    assert slope([(hour, 100 + 5 * hour) for hour in range(20)]) == (5.0, 5.0, 5.0)
    middle, low, high = slope([(x, 100 + (-1) ** x) for x in range(40)])
    assert low <= 0 <= high
    assert abs(middle) < 0.5
    assert memory(__import__("os").getpid()) > 10
