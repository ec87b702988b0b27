"""``normguard train``: what it says before anything is trained (whole runs are in ``tests/training``)."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from guard.cli.train import train
from guard.errors import NormGuardError


def test_it_needs_data_or_answers() -> None:
    done = CliRunner().invoke(train, [])
    assert done.exit_code == 2
    assert "--data" in done.output
    assert "--answers" in done.output


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ModuleNotFoundError("No module named 'onnxscript'", name="onnxscript"), NormGuardError),
        (ImportError("libgomp.so.1: cannot open shared object file", name="torch"), ImportError),
        (ModuleNotFoundError("Could not import module 'BertModel'."), ModuleNotFoundError),
        (ModuleNotFoundError("No module named 'training.fits'", name="training.fits"), ModuleNotFoundError),
    ],
)
def test_only_a_package_that_is_not_there_is_told_as_missing(
    monkeypatch: pytest.MonkeyPatch, error: ImportError, told: type[Exception]
) -> None:
    def failing(name: str) -> None:
        raise error

    monkeypatch.setattr("guard.files.module", failing)
    with pytest.raises(told) as raised:
        CliRunner().invoke(train, ["--answers"], catch_exceptions=False)
    if told is NormGuardError:
        assert "onnxscript is not installed. Training needs the extra [train]" in str(raised.value)
    else:
        assert raised.value is error
