"""Words: folded, stemmed."""

from __future__ import annotations

from guard.text.words import fold, stems


def test_folding_keeps_hangul_and_kana_whole() -> None:
    assert fold("선물 ガギグ Ésta") == "선물 ガギグ esta"
    assert stems("regalos japonesas", "es") == ["regal", "japones"]
    assert len(fold("한국")) == 2
