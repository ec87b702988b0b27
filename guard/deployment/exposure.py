"""Addresses that others reach must not be served to anybody by accident."""

from __future__ import annotations

from ipaddress import ip_address

from guard.errors import SettingsError
from guard.settings import Settings


def listens_beyond_this_machine(host: str) -> bool:
    """Whether a server that listens on `host` is reached by others than this machine."""
    try:
        return not ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host != "localhost"


def check_exposure(settings: Settings) -> None:
    """Raises `SettingsError` where a public address would be served to anybody and nobody said so."""
    if listens_beyond_this_machine(settings.host) and settings.keys is None and not settings.allow_anonymous:
        raise SettingsError(
            f"host: {settings.host} can be reached by others, and no keys are asked for. Set NORMGUARD_KEYS "
            "(sqlite:///keys.db) and make keys with `normguard keys create`, or, where something else keeps strangers "
            "out, NORMGUARD_ALLOW_ANONYMOUS=true."
        )
