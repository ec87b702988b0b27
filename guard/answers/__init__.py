"""Answers held against norms."""
