"""What the caller tells beside the conversation."""

from __future__ import annotations

from collections.abc import Iterator

from guard.evidence.base import Source
from guard.text.places import country_at
from guard.types import Evidence, Exchange


class Hints(Source):
    """Destination, place and language that the application knows."""

    name = "hint"

    def __call__(self, exchange: Exchange) -> Iterator[Evidence]:
        hints = exchange.hints
        if hints.country:
            yield Evidence("culture", hints.country, 0.75, "hint")
        if hints.location and (code := country_at(*hints.location)):
            yield Evidence("culture", code, 0.75, "hint")
        if hints.locale:
            language, _, rest = hints.locale.replace("_", "-").partition("-")
            yield Evidence("language", language.lower(), 0.5, "hint")
            region = rest.rpartition("-")[2]
            if len(region) == 2 and region.isalpha():
                yield Evidence("culture", region.upper(), 0.2, "locale")
