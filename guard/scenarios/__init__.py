"""Requests that people wrote for norms, loaded and harmless: what the judge learns from and a pack is tried by."""
