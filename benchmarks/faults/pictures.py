"""Crafted picture files: spoilt, lying, and made to cost much more than they weigh."""

from __future__ import annotations

import contextlib
import io
import random
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from PIL import Image as Pillow
from PIL import PngImagePlugin


def _encoded(image: Pillow.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def _photo(size: tuple[int, int] = (160, 120), mode: str = "RGB") -> Pillow.Image:
    return Pillow.effect_noise(size, 60).convert(mode)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, data: bytes, *, bits: int = 8, colour: int = 2, extra: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + extra + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _bomb(width: int, height: int, per_pixel: int) -> bytes:
    """Rows of nothing, compressed: a thousandth of what they are."""
    packer = zlib.compressobj(9)
    row = b"\0" * (1 + width * per_pixel)
    return b"".join(packer.compress(row) for _ in range(height)) + packer.flush()


def bases() -> dict[str, bytes]:
    """Sound files of each kind."""
    frames = [_photo((60, 40)) for _ in range(4)]
    exif = Pillow.Exif()
    exif[0x010E] = "a title"
    found = {
        "jpeg": _encoded(_photo(), "JPEG", exif=exif),
        "jpeg-progressive": _encoded(_photo(), "JPEG", progressive=True),
        "png": _encoded(_photo(), "PNG"),
        "png-palette": _encoded(_photo().convert("P"), "PNG"),
        "png-rgba": _encoded(_photo(mode="RGBA"), "PNG"),
        "webp": _encoded(_photo(), "WEBP"),
        "webp-lossless": _encoded(_photo(), "WEBP", lossless=True),
        "webp-animated": _encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "gif": _encoded(frames[0].convert("P"), "GIF", save_all=True, append_images=frames[1:]),
    }
    with contextlib.suppress(KeyError, OSError):  # without pillow-heif there is nothing to attack
        found["heic"] = _encoded(_photo((64, 64)), "HEIF")
    return found


def spoilt(count: int, seed: int = 11) -> Iterator[tuple[str, bytes]]:
    """`count` sound files with bits flipped, bytes cut out, put in or overwritten, or the end missing."""
    chance = random.Random(seed)
    sound = list(bases().items())
    for i in range(count):
        name, data = sound[i % len(sound)]
        raw = bytearray(data)
        match chance.randrange(5):
            case 0:
                for _ in range(chance.randint(1, 20)):
                    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
            case 1:
                raw = raw[: chance.randrange(len(raw))]
            case 2:
                at = chance.randrange(len(raw))
                raw[at : at + chance.randint(1, 60)] = b""
            case 3:
                at = chance.randrange(len(raw))
                raw[at:at] = chance.randbytes(chance.randint(1, 200))
            case _:
                at = chance.randrange(min(80, len(raw)))  # where the sizes stand
                raw[at : at + 4] = chance.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"])
        yield f"{name} spoilt {i}", bytes(raw)


def crafted() -> Iterator[tuple[str, bytes]]:
    """Files that cost much: in pixels, in memory, in time."""
    yield "png of 400 megapixels in its head", _png(20_000, 20_000, b"\0")
    yield "png of 4 billion pixels a side", _png(2**31 - 1, 2**31 - 1, b"\0")
    yield "png bomb of 49 megapixels", _png(7_000, 7_000, _bomb(7_000, 7_000, 3))
    yield "png bomb of 49 megapixels, 16 bits, alpha", _png(7_000, 7_000, _bomb(7_000, 7_000, 8), bits=16, colour=6)
    yield "png one pixel high", _png(49_000_000, 1, _bomb(49_000_000, 1, 3))
    yield (
        "png with a bomb of text",
        _png(8, 8, _bomb(8, 8, 3), extra=_chunk(b"zTXt", b"Title\0\0" + zlib.compress(b"a" * 60_000_000, 9))),
    )
    yield "png with 50,000 texts", _png(8, 8, _bomb(8, 8, 3), extra=_chunk(b"tEXt", b"Title\0aa") * 50_000)
    yield "png with 300,000 chunks", _png(8, 8, _bomb(8, 8, 3), extra=_chunk(b"aaAa", b"") * 300_000)
    yield "jpeg with 300,000 comments", _segments(b"\xff\xfe\0\x04aa" * 300_000)
    yield "jpeg with 30,000 tables", _segments((b"\xff\xdb\0\x43\0" + b"\x01" * 64) * 30_000)
    plain = _encoded(Pillow.new("P", (8, 8)), "GIF")
    comments = plain.index(b"\x2c")  # where the first picture begins
    yield "gif with a million comments", plain[:comments] + b"\x21\xfe\x01a\0" * 1_000_000 + plain[comments:]
    yield "png with 5,000 frames", _animated_png(5_000)
    small = [Pillow.new("P", (8, 8), i % 256) for i in range(2_000)]
    yield "gif with 2,000 frames", _encoded(small[0], "GIF", save_all=True, append_images=small[1:])
    rgb = [Pillow.new("RGB", (8, 8), (i % 256, 0, 0)) for i in range(1_000)]
    yield "webp with 1,000 frames", _encoded(rgb[0], "WEBP", save_all=True, append_images=rgb[1:])
    gif = bytearray(_encoded(Pillow.new("P", (8, 8)), "GIF"))
    gif[6:10] = struct.pack("<HH", 65_535, 65_535)
    yield "gif of 4,000 megapixels in its head", bytes(gif)
    yield "jpeg of 4,000 megapixels in its head", _jpeg_of(65_500, 65_500)
    yield "jpeg of 49 megapixels in its head, progressive", _jpeg_of(7_000, 7_000, progressive=True)
    for times in (60, 3_000):
        yield f"jpeg with {times} times its scans", _scans(times)
    yield "jpeg of 48 megapixels, progressive", _encoded(Pillow.new("RGB", (8_000, 6_000)), "JPEG", progressive=True)
    yield "webp of 48 megapixels", _encoded(Pillow.new("RGB", (8_000, 6_000)), "WEBP", quality=1, method=0)
    yield (
        "jpeg whose metadata turn in circles",
        _exif(b"II*\0\x08\0\0\0" + _ifd([(0x8769, 4, 1, 8), (0x8825, 4, 1, 8)], 8)),
    )
    yield "jpeg whose metadata claim 4 GiB", _exif(b"II*\0\x08\0\0\0" + _ifd([(0x010E, 2, 2**32 - 1, 26)], 0))
    yield "20 MiB of zeros", b"\0" * (20 * 2**20)
    yield "a tiff", _encoded(_photo(), "TIFF")
    yield "an svg", b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"
    yield "a pdf", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer<<>>"
    yield "an eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n"


def _animated_png(frames: int) -> bytes:
    images = [Pillow.new("RGB", (4, 4), (i % 256, i // 256, 0)) for i in range(frames)]
    return _encoded(images[0], "PNG", save_all=True, append_images=images[1:], pnginfo=PngImagePlugin.PngInfo())


def _jpeg_of(width: int, height: int, **options: Any) -> bytes:
    """A small JPEG whose head claims another size."""
    raw = bytearray(_encoded(_photo((64, 64)), "JPEG", **options))
    at = next(raw.find(marker) for marker in (b"\xff\xc0", b"\xff\xc2") if raw.find(marker) >= 0)
    raw[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(raw)


def _scans(times: int) -> bytes:
    """A progressive JPEG of 4 megapixels whose scans come again and again."""
    raw = _encoded(Pillow.new("RGB", (2_000, 2_000), "red"), "JPEG", progressive=True)
    first, last = raw.index(b"\xff\xda"), raw.rindex(b"\xff\xd9")
    return raw[:first] + raw[first:last] * times + raw[last:]


def _segments(extra: bytes) -> bytes:
    raw = _encoded(_photo((32, 32)), "JPEG")
    return raw[:2] + extra + raw[2:]


def _ifd(entries: list[tuple[int, int, int, int]], following: int) -> bytes:
    rows = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + rows + struct.pack("<I", following)


def _exif(tiff: bytes) -> bytes:
    raw = _encoded(_photo((32, 32)), "JPEG")
    data = b"Exif\0\0" + tiff
    return raw[:2] + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + raw[2:]
