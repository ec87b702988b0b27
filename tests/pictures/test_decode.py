"""Pictures decoded: formats, EXIF, damage, and what was seen before."""

from __future__ import annotations

import io
import itertools

import pytest
from PIL import Image as Pillow

from guard import ImageError
from guard.pictures.decode import PictureCache, decode
from tests.pictures.samples import jpeg, with_gps


@pytest.mark.parametrize(
    "gps",
    [
        ((95, 0, 0), "N", (10, 0, 0), "E"),
        ((10, 99999, 0), "N", (10, 0, 0), "E"),
        ((0, 0, 0), "N", (0, 0, 0), "E"),
    ],
)
def test_positions_out_of_range_give_no_evidence(gps: tuple[tuple[float, ...], str, tuple[float, ...], str]) -> None:
    assert decode(with_gps(*gps)).location is None


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF"])
def test_formats(format_: str) -> None:
    buffer = io.BytesIO()
    Pillow.new("RGB", (900, 300), "green").save(buffer, format_)
    picture = decode(buffer.getvalue())
    assert (picture.format, picture.size, picture.thumbnail.mode) == (format_, (900, 300), "RGB")
    assert picture.thumbnail.size == (384, 128)


def test_heic() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(Pillow.new("RGB", (64, 32), "green")).save(buffer)
    assert decode(buffer.getvalue()).size == (64, 32)


def test_photos_are_turned_upright() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    assert decode(jpeg((80, 60), exif)).thumbnail.size == (60, 80)


def test_transparent_pictures_lie_on_white() -> None:
    buffer = io.BytesIO()
    Pillow.new("RGBA", (8, 8), (255, 0, 0, 0)).save(buffer, "PNG")
    assert decode(buffer.getvalue()).thumbnail.getpixel((0, 0)) == (255, 255, 255)


def test_every_cut_of_a_photo_is_an_image_error() -> None:
    whole = jpeg((300, 200))
    for length in itertools.chain(range(0, 40), range(40, len(whole) - 20, 97)):
        with pytest.raises(ImageError):
            decode(whole[:length])


def test_a_picture_seen_before_is_not_decoded_again() -> None:
    cache = PictureCache(size=2)
    first, second, third = jpeg((10, 10)), jpeg((20, 10)), jpeg((30, 10))
    picture = cache.decode(first)
    assert cache.decode(first) is picture
    cache.decode(second)
    cache.decode(third)
    assert cache.decode(first) is not picture
