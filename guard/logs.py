"""Logs: for people or for machines, and never with what users said."""

from __future__ import annotations

import logging
import traceback
from typing import Literal


def configure(format_: Literal["text", "json"], level: str) -> None:
    """Send the package's logs to standard error, as lines for people or as JSON objects."""
    import structlog  # noqa: PLC0415  (for servers only)

    renderer = structlog.processors.JSONRenderer() if format_ == "json" else structlog.dev.ConsoleRenderer(colors=False)
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    for name in ("normguard", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
    logging.getLogger("normguard").setLevel(level.upper())


def without_content(error: BaseException) -> str:
    """Where and of what type an error was, without its message: that may hold what a user said, or a key."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
    return f"{type(error).__module__}.{type(error).__qualname__} in {places}"
