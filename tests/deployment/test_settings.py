"""Settings: where they come from, which are refused and how that is told, what a reload brings into force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from guard import Guard, SettingsError
from guard.deployment.build import open_audit, upstream_maker
from guard.settings import Settings, audit_file, live_settings, read_settings


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_token_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="admin_token"):
        Settings(admin_token="short")  # type: ignore[arg-type]


def test_the_later_source_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("normguard.yaml").write_text("port: 1\nhost: from.file\nupstream: http://file/v1\n")
    monkeypatch.setenv("NORMGUARD_PORT", "2")
    monkeypatch.setenv("NORMGUARD_NORMS", '["a", "b"]')
    settings = read_settings(host=None, port=3)
    assert (settings.host, settings.port, settings.norms) == ("from.file", 3, (Path("a"), Path("b")))
    assert read_settings().port == 2
    assert Settings().port == 8017, "a model of values alone: who makes one says all that counts"


@pytest.mark.parametrize(
    ("file", "variables", "flags", "told"),
    [
        ("port: eighty", {}, {}, ["normguard.yaml: port: Input should be a valid integer"]),
        ("prot: 1", {}, {}, ["normguard.yaml: prot: there is no such field; did you mean 'port'?"]),
        (
            "upstreams: {a: {bse: http://x}}",
            {},
            {},
            ["normguard.yaml: upstreams.a.bse: there is no such field; did you mean 'base'?"],
        ),
        (
            "routes: [{model: a, to: [{upstream: b, wight: 2}]}]",
            {},
            {},
            ["normguard.yaml: routes.0.to.0.wight: there is no such field; did you mean 'weight'?"],
        ),
        ("[1, 2]", {}, {}, ["normguard.yaml: settings are needed"]),
        ("{", {}, {}, ["normguard.yaml: not valid YAML"]),
        ("", {"ROUTES": "[{bad"}, {}, ["NORMGUARD_ROUTES: not valid JSON: "]),
        ("", {"NORMS": "n2"}, {}, ["NORMGUARD_NORMS: not valid JSON: "]),
        ("", {"ROUTES": '[{"model": "a"}]'}, {}, ["NORMGUARD_ROUTES.0.to: Field required"]),
        ("", {"PORT": "eighty"}, {}, ["NORMGUARD_PORT: Input should be a valid integer"]),
        (
            "",
            {"UPSTREEM": "https://x/v1"},
            {},
            ["NORMGUARD_UPSTREEM: there is no such setting", "'NORMGUARD_UPSTREAM'"],
        ),
        ("", {}, {"port": 70000}, ["--port: Input should be less than or equal to 65535"]),
        ("port: x\nworkers: 0", {"OCR": "perhaps"}, {}, ["normguard.yaml: port", "normguard.yaml: workers", "D_OCR"]),
        ("upstream: http://a\nupstreams: {a: {base: http://b}}\n", {}, {}, ["upstream: give either one upstream"]),
    ],
)
def test_what_is_wrong_is_told_with_its_source(
    file: str, variables: dict[str, str], flags: dict[str, Any], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if file:
        Path("normguard.yaml").write_text(file)
    for name, value in variables.items():
        monkeypatch.setenv(f"NORMGUARD_{name}", value)
    with pytest.raises(SettingsError) as caught:
        read_settings(**flags)
    for part in told:
        assert part in str(caught.value)
    if not file:
        assert "yaml" not in str(caught.value), "no file is blamed where there is none"


def test_a_value_that_is_overridden_is_never_used_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("normguard.yaml").write_text("port: eighty\n")
    monkeypatch.setenv("NORMGUARD_OCR", "perhaps")
    settings = read_settings(port=1, ocr=False)
    assert (settings.port, settings.ocr) == (1, False)
    Path("normguard.yaml").write_text("prot: 1\n")
    with pytest.raises(SettingsError, match="prot"):
        read_settings(port=1)


def test_variables_that_are_no_settings_are_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NORMGUARD_MODELS", "NORMGUARD_API_KEY", "NORMGUARD_WORKER_GIVEN_", "NORMGUARD_EU_KEY"):
        monkeypatch.setenv(name, "x")
    Path("normguard.yaml").write_text(
        "upstreams: {eu: {base: http://x, api_key_env: NORMGUARD_EU_KEY}}\ndefault_upstream: eu\n"
    )
    assert read_settings().default_upstream == "eu"


def test_the_older_name_of_reloading(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().reload_on_change is False
    assert read_settings(reload_every=5).reload_on_change is True
    Path("normguard.yaml").write_text("reload_every: null\n")
    assert read_settings().reload_on_change is False
    monkeypatch.setenv("NORMGUARD_RELOAD_EVERY", "5")
    assert read_settings().reload_on_change is True


async def test_what_is_marked_live_is_what_guard_and_upstreams_are_made_of() -> None:
    read: set[str] = set()

    class Seen(Settings):
        def __getattribute__(self, name: str) -> Any:
            if name in Settings.model_fields:
                read.add(name)
            return super().__getattribute__(name)

    one = Seen.model_validate({"upstream": "http://x/v1", "ocr": True, "vision": "none"})
    several = Seen.model_validate({"upstreams": {"a": {"base": "http://x/v1"}}, "default_upstream": "a"})
    for settings in (one, several):
        await upstream_maker(settings)().close()
    Guard.from_settings(one)
    assert read == live_settings()


def test_a_guard_of_a_file_knows_its_policies_and_norms(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.yaml").write_text("max_norms: 1\n")
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "cn.yaml").write_text("country: CN\noff: [cn.gift.clocks]\n")
    (tmp_path / "normguard.yaml").write_text("policy: mine\npolicies: own\nnorms: [packs]\nvision: none\n")
    guard = Guard.from_settings()
    assert (guard.policy.name, guard.policy.max_norms) == ("mine", 1)
    assert "cn.gift.clocks" not in guard.library.norms
    other = Guard.from_settings("normguard.yaml", old=guard)
    assert other.pictures is guard.pictures
    assert other.memory is guard.memory
    assert other.library.digest == guard.library.digest
    (tmp_path / "packs" / "cn.yaml").write_text("country: CN\noff: [cn.gift.pears]\n")
    assert Guard.from_settings().library.digest != guard.library.digest


def test_the_file_of_decisions_is_made_by_servers_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert audit_file() == tmp_path / "state" / "normguard" / "audit.db"
    assert open_audit(Settings()) is None
    assert not audit_file().exists()
    trail = open_audit(Settings(), auto=True)
    assert trail is not None
    trail.writer.close()
    assert audit_file().exists()
    assert open_audit(Settings()) is None


def test_a_file_of_decisions_in_the_older_place_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("guard.settings.user_state_path", lambda *_, **__: tmp_path / "Library" / "normguard")
    assert audit_file() == tmp_path / "Library" / "normguard" / "audit.db"
    older = tmp_path / ".local" / "state" / "normguard" / "audit.db"
    older.parent.mkdir(parents=True)
    older.touch()
    assert audit_file() == older
