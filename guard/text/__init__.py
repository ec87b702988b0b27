"""Texts of any language: words, names, places, sentences."""
