"""Looking at pictures with a model from a folder, and what the guard makes of what it sees."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from click.testing import CliRunner

from guard import Exchange, Guard, Hints, Image
from guard.cli.models import models
from guard.errors import ModelError
from guard.norms.vocabulary import Vocabulary
from guard.pictures.decode import decode
from guard.settings import Settings
from guard.vision.manifest import Input, read_manifest
from guard.vision.model import VisionModel, open_vision, preprocess
from tests.conftest import FakeUpstream, needs_data
from tests.vision.samples import PHOTOS, SIZE, WEIGHTS, data_of, make_model, picture


def test_a_classifier_plugs_in_by_its_manifest(tmp_path: Path, vocabulary: Vocabulary) -> None:
    vision = VisionModel(str(make_model(tmp_path / "colours")), vocabulary)
    assert next(iter(vision.concepts(picture("red"), b"1"))) == "clock"
    assert next(iter(vision.concepts(picture("lime"), b"2"))) == "teapot"
    assert next(iter(vision.concepts(picture("blue"), b"3"))) == "teapot"  # both classes of the range count
    assert vision.concepts(picture("black"), b"4")["teapot"] == pytest.approx(
        0.5
    )  # all logits alike: two of four classes
    assert vision.provider.endswith("ExecutionProvider")


def test_probabilities_are_softened_by_the_manifests_temperature(tmp_path: Path, vocabulary: Vocabulary) -> None:
    sharp = VisionModel(str(make_model(tmp_path / "sharp")), vocabulary).concepts(picture("red"), b"1")["clock"]
    soft = VisionModel(str(make_model(tmp_path / "soft", temperature=5.0)), vocabulary).concepts(picture("red"), b"1")[
        "clock"
    ]
    assert sharp > 0.99 > soft > 0.5


def test_the_centre_of_the_picture_is_what_counts() -> None:
    wide = picture("red", (300, 100))
    wide.paste((0, 0, 255), (0, 0, 100, 100))
    square = preprocess(wide, Input(size=SIZE, crop=1.0))
    assert square.shape == (3, SIZE, SIZE)
    assert square[0].min() > 0.8  # the filter reaches a pixel beyond the edge
    assert square[2].max() < 0.2
    assert preprocess(wide, Input(size=SIZE, layout="NHWC")).shape == (SIZE, SIZE, 3)


def test_concurrent_looks_share_batches_and_get_their_own_answers(tmp_path: Path, vocabulary: Vocabulary) -> None:
    vision = VisionModel(str(make_model(tmp_path / "colours")), vocabulary, batch=4)
    sizes: list[int] = []
    run = vision._run
    vision._run = lambda pixels: sizes.append(len(pixels)) or run(pixels)  # type: ignore[method-assign, func-returns-value]
    seen: dict[int, str] = {}

    def look(number: int) -> None:
        colour = ("red", "lime")[number % 2]
        seen[number] = next(iter(vision.concepts(picture(colour), str(number).encode())))

    threads = [threading.Thread(target=look, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert seen == {number: ("clock", "teapot")[number % 2] for number in range(60)}
    assert sum(sizes) == 60
    assert max(sizes) <= 4


def test_a_model_with_a_fixed_batch_is_given_one_picture_at_a_time(tmp_path: Path, vocabulary: Vocabulary) -> None:
    vision = VisionModel(str(make_model(tmp_path / "one", batch=1)), vocabulary)
    assert next(iter(vision.concepts(picture("red"), b"1"))) == "clock"
    assert vision._batch == 1


def test_pictures_seen_before_are_remembered_up_to_a_number(tmp_path: Path, vocabulary: Vocabulary) -> None:
    vision = VisionModel(str(make_model(tmp_path / "colours")), vocabulary, cache=2)
    for key in (b"1", b"2", b"3", b"3"):
        vision.concepts(picture("red"), key)
    assert list(vision._seen._kept) == [b"2", b"3"]


def test_one_picture_that_the_model_fails_on_costs_the_others_nothing(
    tmp_path: Path, vocabulary: Vocabulary, guard: Guard
) -> None:
    vision = VisionModel(str(make_model(tmp_path / "colours")), vocabulary)
    run = vision._run

    def fragile(pixels: Any) -> Any:
        if float(pixels[:, 2].mean()) > 0.9:
            raise RuntimeError("the model cannot stand blue")
        return run(pixels)

    vision._run = fragile  # type: ignore[method-assign]
    looking = Guard(library=guard.library, policies=guard.policies, scorer=guard.scorer, vision=vision)
    images = [Image(data=data_of(colour)) for colour in ("blue", *["red"] * 9)]
    query = "My colleague in Shanghai has a new baby. Which of these should I buy?"
    decision = looking.check(Exchange.of(query, images=images))
    assert decision.degraded == ("vision",)
    assert decision.concepts[0] == "clock"
    assert decision.norms[0].id == "cn.gift.clocks"
    assert decision.model.endswith("+colours")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: (d / "manifest.yaml").unlink(), "There is no vision model"),
        (lambda d: (d / "manifest.yaml").write_text("name: [", encoding="utf-8"), "manifest.yaml"),
        (lambda d: (d / "manifest.yaml").write_text("name: x\nlicence: y\ninput: {size: 3}\n"), "input.size"),
        (lambda d: (d / "model.onnx").unlink(), "model.onnx is missing"),
        (lambda d: (d / "model.onnx").write_bytes(b"no onnx"), "cannot be loaded"),
        (lambda d: (d / "labels.txt").write_text("wall clock\nteapot\nkettle\n"), "knows 3"),
        (lambda d: (d / "concepts.yaml").write_text("clock: [sundial]\n"), "no class 'sundial'"),
        (lambda d: (d / "concepts.yaml").write_text("no-such-thing: [teapot]\n"), "no concept 'no-such-thing'"),
        (lambda d: (d / "manifest.yaml").open("a").write(f"sha256: {{model.onnx: {'0' * 64!r}}}\n"), "damaged"),
    ],
)
def test_a_spoilt_model_is_refused_with_what_is_wrong(
    tmp_path: Path, vocabulary: Vocabulary, spoil: Callable[[Path], Any], message: str
) -> None:
    directory = make_model(tmp_path / "colours")
    spoil(directory)
    with pytest.raises(ModelError, match=message):
        VisionModel(str(directory), vocabulary)


def test_a_start_without_the_model_is_clear_or_degraded_as_the_deployment_wants(
    tmp_path: Path, vocabulary: Vocabulary, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ModelError, match=r"known are .*mobilenet-v2"):
        open_vision("moblienet", vocabulary)
    with pytest.raises(ModelError, match="normguard models pull mobilenet-v2"):
        open_vision("mobilenet-v2", vocabulary)
    assert open_vision("mobilenet-v2", vocabulary, forgiving=True) is None
    assert "starting without looking at pictures" in caplog.text
    assert open_vision("auto", vocabulary) is None
    assert open_vision("none", vocabulary) is None
    (tmp_path / "strict.yaml").write_text("on_fault: closed\n")
    with pytest.raises(ModelError):
        Guard.from_settings(Settings(vision="mobilenet-v2", policies=tmp_path, policy="strict"))


def test_importing_the_guard_loads_no_model_runtime() -> None:
    code = "import sys, guard; print([m for m in ('onnxruntime', 'onnx', 'torch', 'litellm') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


@pytest.fixture(scope="session")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real MobileNetV2, pulled as a user without network would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NORMGUARD_MODELS", str(tmp_path_factory.mktemp("pulled")))
        done = CliRunner().invoke(models, ["pull", "mobilenet-v2", "--from", str(WEIGHTS)], catch_exceptions=False)
        assert done.exit_code == 0
        return Path(done.output.rpartition(" is in ")[2].strip())


@needs_data
def test_real_weights_name_real_photographs(pulled: Path, vocabulary: Vocabulary) -> None:
    vision = VisionModel(str(pulled), vocabulary)
    assert read_manifest(pulled).licence == "Apache-2.0"
    wanted = {
        "wall_clock": "wall-clock", "analog_clock": "clock", "mosque": "mosque", "kimono": "kimono", "altar": "altar",
        "red_wine": "wine", "bikini": "bikini", "hog": "pig", "cleaver": "knife", "umbrella": "umbrella",
    }  # fmt: skip
    right = 0
    for name, concept in wanted.items():
        photo = decode((PHOTOS / f"{name}.jpg").read_bytes())
        seen = vision.concepts(photo.thumbnail, photo.key)
        known = {above for found in seen for above in (found, *vocabulary.broader(found))}
        right += concept in known
    assert right >= 7  # it is small, and takes the glass of wine for a goblet and the cleaver for a hatchet


@needs_data
def test_a_photo_of_a_clock_reaches_the_clock_norm_over_a_real_socket(
    pulled: Path, guard: Guard, upstream: FakeUpstream, start_proxy: Callable[..., str]
) -> None:
    vision = VisionModel(str(pulled), guard.library.vocabulary)
    looking = Guard(library=guard.library, policies=guard.policies, scorer=guard.scorer, vision=vision)
    base = start_proxy(looking, upstream=upstream.base)
    client = openai.OpenAI(base_url=f"{base}/v1", api_key="k", max_retries=0)
    url = "data:image/jpeg;base64," + base64.b64encode((PHOTOS / "wall_clock.jpg").read_bytes()).decode()
    text = "My colleague in Shanghai has a new baby. Which of these should I buy?"
    content: Any = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]
    answer = client.chat.completions.with_raw_response.create(
        model="m", messages=[{"role": "user", "content": content}]
    )
    assert answer.headers["x-normguard-norms"].split(",")[0] == "cn.gift.clocks"
    assert "clock" in str(upstream.last["messages"][0]).lower()
    # The same question over a photograph that shows nothing of the kind must not be told that it does.
    other = (PHOTOS / "umbrella.jpg").read_bytes()
    decision = looking.check(Exchange.of(text, images=[Image(data=other)], hints=Hints()))
    assert decision.norms[0].id != "cn.gift.clocks"
