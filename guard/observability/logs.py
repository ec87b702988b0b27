"""Logs: for people or for machines, and never with what users said."""

from __future__ import annotations

import logging
import time
import traceback
from typing import Literal


def configure(format_: Literal["text", "json"], level: str) -> None:
    """Send the package's logs to standard error, as lines for people or as JSON objects."""
    from pythonjsonlogger.json import JsonFormatter  # for servers only

    handler = logging.StreamHandler()
    if format_ == "json":
        names = {"asctime": "timestamp", "levelname": "level", "name": "logger", "message": "event"}
        formatter: logging.Formatter = JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names, datefmt="%Y-%m-%dT%H:%M:%SZ"
        )
    else:
        formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    for name in ("normguard", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
    logging.getLogger("normguard").setLevel(level.upper())


def without_content(error: BaseException) -> str:
    """Where and of what type an error was, without its message: that may hold what a user said, or a key."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
    return f"{type(error).__module__}.{type(error).__qualname__} in {places}"
