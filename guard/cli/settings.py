"""``--settings``: which deployment a command is about, named before the command or after it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from guard.norms.library import Library
    from guard.settings import Settings

_FILE = "guard.settings.file"


def _name(context: click.Context, parameter: click.Parameter, file: Path | None) -> None:
    del parameter
    if file is not None:
        context.meta[_FILE] = file


settings_option = click.option(
    "--settings",
    type=click.Path(path_type=Path),
    callback=_name,
    expose_value=False,
    help="Settings file of the deployment.  [default: normguard.yaml]",
)


def settings_file() -> Path | None:
    """The settings file that was named, if one was."""
    return click.get_current_context().meta.get(_FILE)


def settings(**flags: Any) -> Settings:
    """The settings of the deployment, with `flags` that are not None over them; raises `SettingsError`."""
    from guard.settings import read_settings

    return read_settings(settings_file(), **flags)


norms_option = click.option(
    "--norms",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder of further norm packs. Repeatable.  [default: those of the settings]",
)


def library(folders: tuple[Path, ...]) -> Library:
    """The packs that come along with those of `folders`, or of the settings, over them; raises `PackError`."""
    from guard.norms.compiled import open_library

    return open_library(folders or settings().norms)
