"""Logs: for machines, for people, and without what users say."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import httpx
import pytest

from guard.observability.logs import configure, without_content
from tests.conftest import FakeUpstream
from tests.processes import served
from tests.samples import BODY


def test_logs_as_objects(upstream: FakeUpstream, tmp_path: Path) -> None:
    settings = {"NORMGUARD_LOG_FORMAT": "json", "NORMGUARD_LOG_LEVEL": "info", "NORMGUARD_LOG_REQUESTS": "true"}
    with served(tmp_path, upstream.base, **settings) as (process, address):
        response = httpx.post(f"{address}/v1/chat/completions", json=BODY)
        httpx.get(f"{address}/v1/files/secret-name-QX77Z")
        process.terminate()
        process.wait(20)
        assert process.stdout is not None
        lines = [json.loads(line) for line in process.stdout.read().splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["event"] == "request"]
    chat = next(line for line in requests if line["route"] == "/v1/chat/completions")
    assert chat["request_id"] == response.headers["x-normguard-request-id"]
    assert (chat["status"], chat["level"].lower()) == (200, "info")
    assert any(line["route"] == "/v1/*" for line in requests)
    assert "QX77Z" not in json.dumps(lines)
    assert "Shanghai" not in json.dumps(lines)


def test_logs_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("normguard")
    before = (logger.handlers, logger.propagate, logger.level)
    try:
        configure("text", "warning")
        logger.warning("Redis is away (%s)", "TimeoutError")
        logger.info("not shown")
        assert "Redis is away (TimeoutError)" in capsys.readouterr().err
    finally:
        logger.handlers, logger.propagate, logger.level = before


def test_a_fault_without_its_message() -> None:
    try:
        raise ValueError("my password is QX77Z")
    except ValueError as error:
        told = without_content(error)
    assert "ValueError" in told
    assert "test_logs.py" in told
    assert "QX77Z" not in told
