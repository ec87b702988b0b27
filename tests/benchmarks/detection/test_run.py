"""The links from questions to norms."""

from __future__ import annotations

from guard import Guard
from tests.conftest import needs_data
from tests.paths import SHARED


@needs_data
def test_links_name_norms_that_exist(guard: Guard) -> None:
    from benchmarks.datasets.research import read_cross
    from benchmarks.datasets.splits import read_links

    links = read_links()
    known = {query.norm for query in read_cross(SHARED)}
    assert set(links) <= known
    assert {id_ for ids in links.values() for id_ in ids} <= set(guard.library.norms)
