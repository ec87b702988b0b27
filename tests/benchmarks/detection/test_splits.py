"""The split into parts."""

from __future__ import annotations

from benchmarks.datasets.splits import part_of, part_of_cross


def test_the_split_never_changes() -> None:
    assert [part_of_cross(id_) for id_ in ("000001", "0000020001ff", "0000020000ff", "ffffff0000ff")] == [
        "test",
        "train",
        "dev",
        "test",
    ]
    parts = [part_of(f"topic {i}") for i in range(4000)]
    assert 0.47 < parts.count("test") / 4000 < 0.53
    assert 0.1 < parts.count("dev") / 4000 < 0.15
    assert part_of("topic 1") == part_of("topic 1")
