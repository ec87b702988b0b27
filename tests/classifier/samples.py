"""A picture that nobody looks at."""

from __future__ import annotations

from guard import Image

PICTURE = Image(url="https://pictures.invalid/1")
