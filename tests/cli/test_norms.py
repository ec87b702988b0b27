"""normguard norms: list, show, stats, schema."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from tests.cli.command import normguard


def test_norms_list_show_and_stats() -> None:
    listed = normguard("norms", "list", "--country", "cn").stdout.splitlines()
    assert len(listed) >= 25
    id_ = listed[0].split()[0]
    shown = normguard("norms", "show", id_).stdout
    for label in ("expected", "instead", "sources", "https://"):
        assert label in shown
    counted = json.loads(normguard("norms", "stats", "--json").stdout)
    assert counted["CN"]["norms"] == len(listed)
    assert "CN" in normguard("norms", "stats").stdout
    assert normguard("norms", "lint").returncode == 0


def test_norms_stats_draws_a_heat_map(tmp_path: Path) -> None:
    plot = tmp_path / "heat.png"
    assert normguard("norms", "stats", "--plot", str(plot)).returncode == 0
    with Image.open(plot) as image:
        assert image.width > 500
    refused = normguard("norms", "stats", "--plot", str(tmp_path / "nowhere" / "heat.png"))
    assert refused.returncode != 0
    assert "cannot be written" in refused.stderr


def test_norms_show_says_where_a_norm_came_from(tmp_path: Path) -> None:
    own = tmp_path / "jp.yaml"
    own.write_text("country: JP\nnorms: [{id: jp.gift.combs, severity: 2}]\noff: [jp.gift.wrapping]\n")
    wide = {"COLUMNS": "300"}
    changed = normguard("norms", "show", "jp.gift.combs", "--norms", str(tmp_path), env=wide).stdout
    assert "2, offence" in changed
    assert "jp.yaml" in changed
    assert str(own) in changed
    gone = normguard("norms", "show", "jp.gift.wrapping", "--norms", str(tmp_path))
    assert gone.returncode != 0
    assert f"switched off in {own}" in gone.stderr


def test_norms_schema_is_json_for_editors() -> None:
    whole = json.loads(normguard("norms", "schema").stdout)
    assert "gift" in whole["$defs"]["Norm"]["properties"]["situations"]["items"]["enum"]
    assert json.loads(normguard("norms", "schema", "--change").stdout)["required"] == ["country"]
