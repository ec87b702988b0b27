"""The model card (training itself takes torch)."""

from __future__ import annotations

from pathlib import Path

from training import card


def test_the_card_is_made_of_the_figures(tmp_path: Path) -> None:
    directory = tmp_path / "classifier-9"
    directory.mkdir()
    (directory / "ranker.onnx").write_bytes(b"x" * 2048)
    share = {"share": 0.5, "interval": [0.4, 0.6]}
    figures = {
        "designs": {"a design": {"recall5_text_only": 0.123, "recall5_content_known": 1.0, "auc": None}},
        "parity": {"int8_same_five_norms": 0.99},
        "by_country": {
            "JP": {"questions": 7, "recall5_text_only": 0.77, "recall5_content_known": None, "auc": 0.8},
        },
        "test": {"text_only": share, "content_known": share, "general": {"share": 1.0}, "benign": share, "auc": 0.9,
                 "calibration": 0.02},
        "questions": {"train": 11, "dev": 12, "invented": 13},
        "norms": {"train": 1, "dev": 2},
        "seed": 5, "epochs": 6.0, "minutes": 7.0, "device": "cpu",
    }  # fmt: skip
    card.write(directory, figures)
    text = (directory / "README.md").read_text(encoding="utf-8")
    for expected in ("classifier-9", "0.123", "| JP | 7 | 0.77 | - | 0.8 |", "50.0 % (40 to 60)", "100.0 %", "Seed 5"):
        assert expected in text
