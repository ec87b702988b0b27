"""The features of a request and its norms."""

from __future__ import annotations

import numpy as np

from guard import Exchange, Guard
from guard.classifier.features import PAIR, REQUEST, Featurizer
from guard.norms.retrieval import candidates
from tests.classifier.samples import PICTURE


def test_features_of_a_request_have_their_names_order_and_bounds(guard: Guard) -> None:
    exchange = Exchange.of("Is a wall clock a nice gift for my host in Shanghai?", images=[PICTURE])
    findings = guard.gather(exchange)
    norms = candidates(findings, guard.library)
    pairs, request = Featurizer(guard.library)(exchange, findings, norms)
    assert pairs.shape == (len(norms), len(PAIR))
    assert request.shape == (len(REQUEST),)
    clocks = pairs[[norm.id for norm in norms].index("cn.gift.clocks")]
    assert clocks[PAIR.index("mentioned")] > 0.5
    assert request[REQUEST.index("pictured")] == 1.0
    assert np.isfinite(pairs).all()
    empty, _ = Featurizer(guard.library)(exchange, findings, [])
    assert empty.shape == (0, len(PAIR))
