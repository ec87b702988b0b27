"""Who may serve strangers."""

from __future__ import annotations

import pytest

from guard.deployment.exposure import check_exposure, listens_beyond_this_machine
from guard.errors import SettingsError
from guard.settings import Settings


@pytest.mark.parametrize(
    ("host", "public"),
    [("127.0.0.1", False), ("localhost", False), ("::1", False), ("0.0.0.0", True), ("::", True), ("app.test", True)],
)
def test_a_public_address_is_not_served_to_anybody(host: str, public: bool) -> None:
    assert listens_beyond_this_machine(host) is public
    if not public:
        check_exposure(Settings(host=host))
        return
    with pytest.raises(SettingsError, match="normguard keys create"):
        check_exposure(Settings(host=host))
    check_exposure(Settings(host=host, allow_anonymous=True))
    check_exposure(Settings(host=host, keys="sqlite:///keys.db"))  # type: ignore[arg-type]
