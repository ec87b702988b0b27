"""What pictures' files tell, without a look at them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from guard.evidence.base import Source
from guard.text.places import country_at
from guard.types import Evidence, Exchange, Image

# A picture's own words are weaker evidence than a caption that someone wrote for it.
_FILE_NAME = 0.7
_TITLE = 0.8


class Metadata(Source):
    """Where a photo was taken (EXIF), the title in its metadata, and the name of its file."""

    name = "picture"

    def __call__(self, exchange: Exchange) -> Iterator[Evidence]:
        for image in exchange.images:
            if (picture := image.picture) is not None:
                if picture.location and (code := country_at(*picture.location)):
                    yield Evidence("culture", code, 0.8, "exif")
                if picture.title:
                    yield from self.named(picture.title, _TITLE, "caption")
            if name := _name_of(image):
                yield from self.named(name, _FILE_NAME, "file-name", languages=("en",))


def _name_of(image: Image) -> str:
    """The picture's file name as words: ``/shop/wall-clock_2.jpg`` reads "wall clock 2"."""
    path = image.name or (urlsplit(image.url).path if image.url else "")
    return re.sub(r"[-_+.]+", " ", PurePosixPath(unquote(path[-200:])).stem)
