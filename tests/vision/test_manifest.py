"""The manifests of vision models."""

from __future__ import annotations

from guard.vision.store import shipped


def test_every_shipped_manifest_is_sound() -> None:
    for name, manifest in shipped().items():
        assert manifest.name == name
        if manifest.kind == "classifier":
            assert manifest.model is not None
            assert "/main/" not in str(manifest.model.url), "an address must name a commit"
        else:
            assert manifest.weights is not None
