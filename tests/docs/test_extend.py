"""What the pages of docs/extend promise: the file and the lines that they show are all that is needed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.paths import ROOT
from tests.waiting import wait_for

EXTEND = ROOT / "docs" / "extend"


class Copy:
    """A copy of the package with what a page has one add to it; policies and models are those of the checkout.

    Attributes:
        file: the page's new file.
        tried: what the page has one run, and what it says that one sees.
    """

    def __init__(self, page: str, folder: Path) -> None:
        self.folder = folder
        text = (EXTEND / f"{page}.md").read_text(encoding="utf-8")
        shutil.copytree(ROOT / "guard", folder / "guard", ignore=shutil.ignore_patterns("__pycache__"))
        for data in ("policies", "models"):
            (folder / data).symlink_to(ROOT / data)
        self.new, registry = re.findall(r"`(guard/\w+/\w+\.py)`:\n", text)
        code, self._try = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        self.file = folder / self.new
        assert not self.file.exists()
        self.file.write_text(code, encoding="utf-8")
        (diff,) = re.findall(r"```diff\n(.*?)```", text, re.DOTALL)
        changed = folder / registry
        changed.write_text(patched(changed.read_text(encoding="utf-8"), diff), encoding="utf-8")
        for name, content in re.findall(r"`(mine/\w+\.yaml)`:\n\n```yaml\n(.*?)```", text, re.DOTALL):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(content, encoding="utf-8")
        (self.seen,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)

    def run(self, *arguments: str) -> str:
        """What comes out of the page's try in a process of its own."""
        tried = self._started("-c", self._try, *arguments)
        said, faults = tried.communicate(timeout=120)
        assert tried.returncode == 0, faults
        return said

    def serve(self, **settings: str) -> tuple[subprocess.Popen[str], str]:
        """The server of the copy, before the demo model, and its address."""
        given = {"AUDIT": "none", "LOG_LEVEL": "error", "MAX_LAG": "60", **settings}  # however busy the machine is
        server = self._started("-m", "guard", "serve", "--port", "0", **{f"NORMGUARD_{k}": v for k, v in given.items()})
        assert server.stdout is not None
        for line in server.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                wait_for(partial(is_ready, found[0]), seconds=60)
                return server, found[0]
        raise AssertionError(server.communicate()[1])

    def _started(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONUNBUFFERED": "1", **more}
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


def is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz").status_code == 200
    except httpx.ConnectError:  # the address is told a moment before it is listened on
        return False


def patched(text: str, diff: str) -> str:
    """`text` after `diff`: a line that goes gives way to the next that comes; other new ones follow the line above."""
    after, gone = "", ""
    for line in diff.splitlines(keepends=True):
        kind, content = line[0], line[1:]
        if kind != "+":
            assert text.count(content) == 1, content
            after, gone = (content, "") if kind == " " else ("", content)
        elif gone:
            text, gone = text.replace(gone, content), ""
        else:
            text = text.replace(after, after + content)
    return text


def test_the_action_of_the_page_is_one_file_and_one_line(tmp_path: Path) -> None:
    copy = Copy("action", tmp_path)
    assert copy.run() == copy.seen


def test_a_policy_with_a_misspelt_option_of_it_is_refused(tmp_path: Path) -> None:
    copy = Copy("action", tmp_path)
    policy = tmp_path / "mine" / "aside.yaml"
    policy.write_text(policy.read_text().replace("opening", "openning"), encoding="utf-8")
    read = "from pathlib import Path; from guard.policy.model import read_policy; read_policy(Path('mine/aside.yaml'))"
    assert "did you mean 'opening'" in copy._started("-c", read).communicate(timeout=60)[1]


def test_the_api_of_the_page_is_one_file_and_one_line(tmp_path: Path) -> None:
    copy = Copy("api", tmp_path)
    (tmp_path / "mine").mkdir()
    for action in ("block", "verify"):
        text = f"actions: {{1: {action}, 2: {action}, 3: {action}}}\n"
        (tmp_path / "mine" / f"{action}.yaml").write_text(text, encoding="utf-8")
    server, address = copy.serve(POLICIES="mine")
    try:
        assert copy.run(address) == copy.seen
        run = [sys.executable, "-c", MORE, address]
        said = subprocess.run(run, capture_output=True, text=True, timeout=60, check=True)
    finally:
        server.terminate()
        server.communicate(timeout=30)
    assert said.stdout.splitlines() == ["block True", "verify streamed True", "400 prompt", "True"]


MORE = """
import json, sys, urllib.error, urllib.request

address = sys.argv[1]


def post(policy, **fields):
    headers = {"content-type": "application/json", "x-normguard-policy": policy}
    body = {"model": "demo", "prompt": "Is a wall clock a nice gift for my host in Shanghai?", **fields}
    return urllib.request.urlopen(
        urllib.request.Request(f"{address}/v1/completions", json.dumps(body).encode(), headers)
    )


with post("block") as answer:
    print(answer.headers["x-normguard-action"], "Before going on" in json.load(answer)["choices"][0]["text"])
with post("verify", stream=True) as answer:
    events = [json.loads(line[6:]) for line in answer.read().decode().splitlines() if line.startswith("data: {")]
    said = "".join(event["choices"][0]["text"] for event in events)
    print(answer.headers["x-normguard-action"], answer.headers["x-normguard-verify"], "A word before" in said)
try:
    post("default", prompt=["two", "prompts"])
except urllib.error.HTTPError as error:
    print(error.code, json.load(error)["error"]["param"])
document = json.load(urllib.request.urlopen(f"{address}/openapi.json"))
print("/v1/completions" in document["paths"])
"""


def test_the_source_of_the_page_is_one_file_and_one_line(tmp_path: Path) -> None:
    copy = Copy("evidence-source", tmp_path)
    assert copy.run() == copy.seen
    code = copy.file.read_text(encoding="utf-8")
    copy.file.write_text(code.replace("yield Evidence", "raise RuntimeError  # Evidence"), encoding="utf-8")
    assert copy.run().splitlines()[0] == "[] ('dialling',)"


@pytest.mark.parametrize("page", ["evidence-source", "action", "api"])
def test_what_the_page_shows_is_as_tidy_as_our_own_code(page: str, tmp_path: Path) -> None:
    copy = Copy(page, tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, copy.new]
        done = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
