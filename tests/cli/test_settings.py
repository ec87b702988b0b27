"""Every command goes by the settings of the deployment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from guard import Guard
from guard.access.store import open_keys
from guard.audit.store import Store
from tests.audit.records import record
from tests.cli.command import started

NORM = """
country: JP
norms:
  - id: jp.test.my-clock
    title: The clock at Hotel Aoi stays where it is
    expectation: Guests leave the clock in the lobby of Hotel Aoi where it is.
    breach: Just move the clock.
    why: It was a gift of the founder.
    instead: Ask the staff.
    situations: [gift]
    domains: [social]
    visual: [wall-clock]
    terms: [Hotel Aoi]
    severity: 2
    strength: common
    sources: [{title: The house rules, url: https://aoi.example/rules}]
"""


@pytest.fixture(autouse=True)
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings of its own, in which the commands are started."""
    monkeypatch.chdir(tmp_path)
    for name in ("packs", "own", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "packs" / "jp.yaml").write_text(NORM)
    (tmp_path / "own" / "mine.yaml").write_text("description: mine\nthresholds: {advise: 0}\nmax_norms: 1\n")
    given = {"norms": ["packs"], "policies": "own", "policy": "mine", "vision": "none", "classifier": "lexical"}
    given |= {"audit": "sqlite:///mine.db", "keys": "sqlite:///keys.db"}
    (tmp_path / "normguard.yaml").write_text(json.dumps(given))
    return tmp_path


def test_check_says_what_the_server_would(deployment: Path) -> None:
    query = ["--query", "Is a gift to move the clock at Hotel Aoi in Kyoto fine?", "--json"]
    code, told = started("check", *query)
    assert code == 0, told
    assert [norm["id"] for norm in json.loads(told)["norms"]] == ["jp.test.my-clock"]
    assert json.loads(started("check", *query, "--policy", "off")[1])["action"] == "pass"
    (deployment / "normguard.yaml").rename(deployment / "elsewhere.yaml")
    for args in (["--settings", "elsewhere.yaml", "check", *query], ["check", *query, "--settings", "elsewhere.yaml"]):
        assert "jp.test.my-clock" in started(*args)[1]
    assert "jp.test.my-clock" not in started("check", *query)[1]


def test_lines_may_tell_their_own_policy_and_nothing_unknown(deployment: Path) -> None:
    lines = [
        {"id": 1, "query": "a gift at Hotel Aoi?"},
        {"id": 2, "query": "a gift at Hotel Aoi?", "policy": "off", "location": [35.0, 135.7]},
        {"id": 3, "query": "x", "contry": "JP"},
        {"id": 4, "query": "x", "turn": []},
        {"id": 5, "query": "x", "captions": "no list"},
        {"id": 6, "query": "x", "country": "Japan"},
    ]
    (deployment / "in.jsonl").write_text("\n".join(map(json.dumps, lines)))
    code, told = started("check", "--jsonl", "in.jsonl", "--out", "out.jsonl")
    assert (code, told) == (0, "4 line(s) could not be checked; see their 'error' fields.\n")
    found = [json.loads(line) for line in (deployment / "out.jsonl").read_text().splitlines()]
    assert [result.get("action") for result in found] == ["advise", "pass", None, None, None, None]
    for number, message in enumerate(["did you mean 'country'", "turn: there is no such field", "captions", "JP?"], 2):
        assert message in found[number]["error"]
        assert f"line {number + 1}: " in found[number]["error"]


def test_norms_are_those_of_the_deployment() -> None:
    assert "jp.test.my-clock" in started("norms", "list", "--country", "JP")[1]
    assert "Hotel Aoi" in started("norms", "show", "jp.test.my-clock")[1]
    code, told = started("norms", "show", "jp.test.my-clock", "--norms", "other")
    assert code == 2, "an option that is given wins"
    assert "no norm" in told


def test_audit_reads_the_trail_that_the_settings_name(deployment: Path, guard: Guard) -> None:
    code, told = started("audit", "stats")
    assert code == 0
    assert "0 decisions" in told
    store = Store("sqlite:///mine.db")
    store.add([record(guard)])
    store.close()
    assert json.loads(started("audit", "stats", "--json")[1])["decisions"] == 1
    kept = json.loads(started("audit", "export")[1])
    assert (kept["policy"], kept["policy_hash"]) == ("default", guard.policy.digest)
    assert started("audit", "stats", "--audit", "sqlite:///other.db", "--json")[1].startswith('{\n "decisions": 0')
    assert started("audit", "export", "--action", "block", "--out", "blocked.jsonl")[0] == 0
    assert (deployment / "blocked.jsonl").read_text() == "", "nothing found is an answer too"


def test_keys_are_those_of_the_deployment_and_have_its_policies() -> None:
    code, told = started("keys", "create", "--name", "shop", "--policy", "mine", "--json")
    assert code == 0, told
    assert [key.policy for key in open_keys("sqlite:///keys.db").all()] == ["mine"]
    assert "shop" in started("keys", "list", "--json")[1]
    code, told = started("keys", "create", "--name", "shop", "--policy", "mime")
    assert code == 2
    assert "no policy 'mime'; did you mean 'mine'?" in told
    assert started("keys", "revoke", json.loads(started("keys", "list", "--json")[1])[0]["id"])[0] == 0


def test_models_verify_that_of_the_deployment(deployment: Path) -> None:
    code, told = started("models", "verify")
    assert code == 2
    assert "vision: none" in told
