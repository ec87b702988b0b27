"""Guarding a provider's own Python client, without a server."""

from guard.sdk.client import decision_of, last_decision, wrap

__all__ = ["decision_of", "last_decision", "wrap"]
