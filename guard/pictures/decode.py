"""Pictures: decoded within bounds, turned upright, and what their metadata tells."""

from __future__ import annotations

import io
import math
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from guard.cache import Recent
from guard.errors import ImageError
from guard.types import Picture, digest

if TYPE_CHECKING:
    from PIL import Image as Pillow

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 50_000_000
MAX_SCANS = 100
TOO_MUCH = "image_too_costly"
THUMBNAIL = 384

_GPS_IFD, _IMAGE_DESCRIPTION = 0x8825, 0x010E
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4


@cache
def formats() -> tuple[str, ...]:
    """What Pillow reads here, loaded: questions without pictures do without it."""
    import PIL.ImageOps  # noqa: F401

    try:  # HEIC needs a decoder that not every deployment wants
        from pillow_heif import register_heif_opener
    except ImportError:
        return ("JPEG", "PNG", "WEBP", "GIF")
    register_heif_opener()
    return ("JPEG", "PNG", "WEBP", "GIF", "HEIF")


def decode(data: bytes, *, param: str | None = None, key: bytes | None = None, edge: int = THUMBNAIL) -> Picture:
    """Read an encoded image; animated ones by their first frame.

    `edge` is the most pixels that the thumbnail has on either side.

    Raises:
        ImageError: it is no image of a supported format, is damaged, or exceeds 20 MiB or 50 megapixels. `param`
            names the field of the request in the error.
    """
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    if len(data) > MAX_BYTES:
        raise ImageError(
            f"The image has {len(data) / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} are accepted. Send it smaller.",
            param=param,
            code="image_too_large",
        )
    # Each scan of a progressive JPEG goes over all its pixels; cameras write ten, and a file can hold many thousands.
    if data.startswith(b"\xff\xd8") and data.count(b"\xff\xda") > MAX_SCANS:
        raise ImageError(f"The image has more than {MAX_SCANS} scans.", param=param, code="invalid_image")
    key = digest(data) if key is None else key
    try:
        with warnings.catch_warnings():
            # Pillow warns at half the size that we refuse ourselves, below, before any pixel is read.
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
            with Pillow.open(io.BytesIO(data), formats=formats()) as image:
                return _read(image, param, key, edge)
    except ImageError:
        raise
    except Pillow.DecompressionBombError as error:
        raise _too_many_pixels(param) from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"The image is none of {', '.join(formats())}. Send one of these formats.",
            param=param,
            code="invalid_image",
        ) from error
    except MemoryError as error:
        raise ImageError(
            "The image takes too much memory to decode. Send it smaller.", param=param, code=TOO_MUCH
        ) from error
    # Decoders for damaged files raise whatever they stumble over; to the caller it is one fault: a damaged image.
    except Exception as error:
        raise ImageError(f"The image is damaged or cut off ({error}).", param=param, code="invalid_image") from error


def _too_many_pixels(param: str | None) -> ImageError:
    return ImageError(
        f"The image has more than {MAX_PIXELS // 10**6} megapixels. Send it smaller.",
        param=param,
        code="image_too_large",
    )


def _read(image: Pillow.Image, param: str | None, key: bytes, edge: int) -> Picture:
    from PIL import Image as Pillow
    from PIL import ImageOps

    if math.prod(image.size) > MAX_PIXELS:
        raise _too_many_pixels(param)
    size, format_ = image.size, str(image.format)
    exif = image.getexif()
    title = exif.get(_IMAGE_DESCRIPTION) or image.info.get("Title") or image.info.get("Description")
    # With so small a gap JPEG decodes straight to a half, quarter or eighth of its size: several times faster.
    image.thumbnail((edge, edge), Pillow.Resampling.BILINEAR, reducing_gap=1.0)
    upright = ImageOps.exif_transpose(image)
    return Picture(
        format=format_,
        size=size,
        thumbnail=_rgb(upright),
        location=_location(exif.get_ifd(_GPS_IFD)),
        title=title[:300] if isinstance(title, str) and title.strip() else None,
        key=key,
    )


def _rgb(image: Pillow.Image) -> Pillow.Image:
    """On white where it is transparent: product pictures have no background."""
    from PIL import Image as Pillow

    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Pillow.new("RGBA", image.size, "white")
        image = Pillow.alpha_composite(white, image)
    return image.convert("RGB")


def _location(gps: dict[int, Any]) -> tuple[float, float] | None:
    """GPSLatitude/GPSLongitude as signed degrees (Exif 2.32, 4.6.6), or None where missing or out of range."""
    try:
        latitude = _degrees(gps[_LATITUDE]) * (-1 if str(gps[_LATITUDE_REF]).upper().startswith("S") else 1)
        longitude = _degrees(gps[_LONGITUDE]) * (-1 if str(gps[_LONGITUDE_REF]).upper().startswith("W") else 1)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, IndexError):
        return None
    in_range = abs(latitude) <= 90 and abs(longitude) <= 180
    return (latitude, longitude) if in_range and (latitude, longitude) != (0.0, 0.0) else None


def _degrees(value: Any) -> float:
    degrees, minutes, seconds = (float(part) for part in value)
    total = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(total):
        raise ValueError("not a number")
    return total


class Decoder(Protocol):
    """What makes a `Picture` of encoded bytes; takes and raises the same as `decode`."""

    def __call__(
        self, data: bytes, *, param: str | None = None, key: bytes | None = None, edge: int = THUMBNAIL
    ) -> Picture: ...


class PictureCache:
    """Pictures by the hash of their bytes: a picture seen before is not decoded again. Thread-safe, bounded.

    Args:
        size: pictures that are remembered.
        decoder: what decodes; `decode` in this process where None.
    """

    def __init__(self, size: int = 64, *, decoder: Decoder | None = None) -> None:
        self.decoder = decoder or decode
        self._seen: Recent[bytes, Picture] = Recent(size)

    def decode(self, data: bytes, *, param: str | None = None, key: bytes | None = None) -> Picture:
        """As `decode`; raises the same errors."""
        key = digest(data) if key is None else key
        if (picture := self._seen.get(key)) is None:
            picture = self.decoder(data, param=param, key=key)
            self._seen.put(key, picture)
        return picture
