"""Vision models that are pulled."""

from __future__ import annotations

from pathlib import Path

import pytest

from guard.errors import ModelError
from guard.vision.store import pull


def test_a_pull_checks_what_it_was_given(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model 'resnet'"):
        pull("resnet")
    with pytest.raises(ModelError, match="not there; the model needs it"):
        pull("mobilenet-v2", source=tmp_path)
    with pytest.raises(ModelError, match="not the file that was expected: its SHA-256"):
        pull("mobilenet-v2", fetch=lambda url, timeout: b"a captive portal's page")
    with pytest.raises(ModelError, match="cannot be fetched"):
        pull("mobilenet-v2", timeout=0.001)
    assert not any(path for path in Path(str(tmp_path)).rglob("*.partial"))
