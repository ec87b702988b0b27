"""Scenarios in files: what is read, and what is told of what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from guard import Guard
from guard.errors import PackError
from guard.scenarios.files import read_all, read_file, write
from guard.scenarios.model import Scenario
from tests.scenarios.samples import CLOCK, REPAIR, lines, scenario


def test_what_is_written_is_read(tmp_path: Path) -> None:
    turns = [{"role": "user", "text": "我要去上海"}, {"role": "assistant", "text": "好的"}]
    some = [
        scenario(turns=turns, seen=[["wall clock", 0.7]], register="weary", form="picture", roles={"NO": "home"}),
        scenario(REPAIR, caption="a clock", form="idle"),
    ]
    write(tmp_path / "cn.jsonl", some)
    assert read_file(tmp_path / "cn.jsonl") == some
    assert "null" not in (tmp_path / "cn.jsonl").read_text()
    assert some[0].said == "我要去上海\nIs a wall clock a nice gift for my host in Shanghai?"


def test_a_table_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(
        "id;writer;norm;expect;stake;text;turns;seen;roles;language;picture\r\n"
        "t-1;ann;cn.gift.clocks;advise;cn.gift.clocks cn.gift.pears;Which of these?;"
        '"user: We fly to Shanghai\r\nassistant: Nice: tell me more";wall clock 0.8, x;NO home;en;\r\n'
        ";;;;;;;;;;\r\n"
        't-2;bo;cn.gift.clocks;pass;;"Which battery; and where?";;;;en;yes\r\n',
        encoding="utf-8-sig",
    )
    with pytest.raises(PackError, match=r"own\.csv:3: seen: 'wall clock 0\.8, x' is no name with a score"):
        read_file(path)
    path.write_text(path.read_text("utf-8-sig").replace("0.8, x", "0.8"), encoding="utf-8-sig")
    one, other = read_file(path)
    assert one.stake == ("cn.gift.clocks", "cn.gift.pears")
    assert [(turn.role, turn.text) for turn in one.turns] == [
        ("user", "We fly to Shanghai"),
        ("assistant", "Nice: tell me more"),
    ]
    assert one.seen == (("wall clock", 0.8),)
    assert one.roles == {"NO": "home"}
    assert other.picture
    assert other.text == "Which battery; and where?"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"expect": "refuse"}, r"expect: .*advise"),
        ({"stake": []}, "name the norms at stake"),
        ({"stake": ["cn.gift.pears"]}, "the norm that it was written for is not among them"),
        ({"expect": "pass"}, "nothing is, if it passes"),
        ({"form": "idle"}, "does not go with expect: advise"),
        ({"language": "xx"}, "there is no language 'xx'"),
        ({"language": "Chinese"}, "there is no language 'Chinese'"),
        ({"destination": "China"}, "destination"),
        ({"text": "  "}, "text"),
        ({"caption": "a clock", "picture": True}, "give one of caption, seen, read and picture"),
        ({"seen": [["clock", 7]]}, "seen"),
        ({"turns": [{"role": "bot", "text": "hi"}]}, r"turns\.0\.role"),
        ({"quest": "?"}, "quest"),
        (
            {"norm": "cn.gift.clock", "stake": ["cn.gift.clock"]},
            r"there is no norm 'cn\.gift\.clock'.*cn\.gift\.clocks",
        ),
    ],
)
def test_a_faulty_line_is_named_with_what_is_wrong(
    guard: Guard, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    path = lines(tmp_path / "cn.jsonl", REPAIR, {**CLOCK, **changes})
    with pytest.raises(PackError, match=rf"(?s)cn\.jsonl:2: .*{told}"):
        read_file(path, norms=guard.library.norms)


def test_every_fault_of_all_files_is_told_at_once(tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", CLOCK)
    (tmp_path / "b.jsonl").write_text('{"id": \n[1]\n\n"clock"\n', encoding="utf-8")
    lines(tmp_path / "c.jsonl", CLOCK, {**REPAIR, "language": "?"})
    (tmp_path / "d.csv").write_text("id,text\nx,a,b\n", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not read")
    with pytest.raises(PackError) as caught:
        read_all([tmp_path])
    told = str(caught.value).replace(str(tmp_path), "")
    for place in (
        "b.jsonl:1: no JSON",
        "b.jsonl:2: not an object",
        "b.jsonl:4: not an object",
        "c.jsonl:1: id: 't-1' is",
    ):
        assert place in told
    assert "c.jsonl:2: language" in told
    assert "d.csv:2: more cells than there are columns" in told


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="no such folder of scenarios"):
        read_all([tmp_path / "none"])
    (tmp_path / "latin.csv").write_bytes("id,text\n1,café".encode("latin-1"))
    with pytest.raises(PackError, match="save it as UTF-8"):
        read_file(tmp_path / "latin.csv")
    with pytest.raises(PackError, match="cannot be read"):
        read_file(tmp_path / "gone.jsonl")


def test_those_that_come_along_name_norms_that_there_are(guard: Guard) -> None:
    every = read_all(norms=guard.library.norms)
    assert len(every) > 14_000
    assert len({one.writer for one in every}) >= 14
    assert isinstance(every[0], Scenario)
