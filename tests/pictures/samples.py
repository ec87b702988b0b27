"""Photographs made for tests."""

from __future__ import annotations

import io

from PIL import Image as Pillow


def jpeg(size: tuple[int, int] = (80, 60), exif: Pillow.Exif | None = None) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", size, "white").save(buffer, "JPEG", exif=Pillow.Exif() if exif is None else exif)
    return buffer.getvalue()


def with_gps(latitude: tuple[float, ...], north: str, longitude: tuple[float, ...], east: str) -> bytes:
    exif = Pillow.Exif()
    exif.get_ifd(0x8825).update({1: north, 2: latitude, 3: east, 4: longitude})
    return jpeg(exif=exif)
