"""What a photo's metadata say."""

from __future__ import annotations

import pytest

from guard import Exchange, Guard, Image
from guard.pictures.decode import decode
from tests.pictures.samples import with_gps


def test_where_a_photo_was_taken(guard: Guard) -> None:
    photo = with_gps((35, 0, 41.6), "N", (135, 46, 5), "E")  # Kyoto
    picture = decode(photo)
    assert picture.location == pytest.approx((35.0116, 135.768), abs=1e-3)
    decision = guard.check(Exchange.of("What should I wear here?", images=[Image(data=photo)]))
    assert decision.cultures[0] == {"code": "JP", "score": 0.8, "from": "exif"}
