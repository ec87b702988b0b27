"""The policies that come along do what their descriptions and the page on policies say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guard import Action, Decision, Guard, Policies
from guard.policy.model import DEFAULT_POLICY

PAGE = Path(__file__).parents[2] / "docs" / "use" / "policies.md"
PART = re.compile(r"(<!-- what they do: .*? -->\n).*?(?=<!-- end -->)", re.DOTALL)
NAMES = sorted(Policies().names(), key=lambda name: (name != DEFAULT_POLICY, name))


def questions() -> list[str]:
    """The ten questions of the page."""
    found = PART.search(PAGE.read_text(encoding="utf-8"))
    assert found
    rows = found[0][found[0].index("| question |") :].splitlines()[2:]
    return [row.split(" | ")[0].removeprefix("| ") for row in rows]


def decisions(guard: Guard, name: str) -> list[Decision]:
    return [guard.check(question, policy=name) for question in questions()]


def written(guard: Guard) -> str:
    """What the page should say."""
    found = {name: decisions(guard, name) for name in NAMES}
    lines = ["| policy | | acts on | norms | tokens | on a fault |", "|---|---|---|---|---|---|"]
    for name, made in found.items():
        policy = guard.policies.get(name)
        acted = sum(decision.action is not Action.PASS for decision in made)
        norms, tokens = sum(len(d.norms) for d in made), sum(d.tokens for d in made)
        about = f"`{name}` | {policy.description} | {acted} of {len(made)}"
        lines.append(f"| {about} | {norms} | {tokens:,} | {policy.on_fault.guard} |")
    lines += ["", "On these ten questions:", "", f"| question | {' | '.join(NAMES)} |", "|---" * (len(NAMES) + 1) + "|"]
    for number, question in enumerate(questions()):
        lines.append(f"| {question} | {' | '.join(cell(found[name][number]) for name in NAMES)} |")
    return "\n".join(lines) + "\n"


def cell(decision: Decision) -> str:
    if not decision.norms:
        return decision.action
    plural = "s" if len(decision.norms) > 1 else ""
    return f"{decision.action}, {len(decision.norms)} norm{plural}, {decision.tokens} tokens"


def test_the_page_tells_what_they_do(guard: Guard) -> None:
    found = PART.search(PAGE.read_text(encoding="utf-8"))
    assert found
    assert found[0] == found[1] + written(guard), "to write it anew: python -m tests.policy.test_shipped"
    assert len(questions()) == 10


def test_careful_advises_earlier_and_says_no_less(guard: Guard) -> None:
    default, careful = decisions(guard, "default"), decisions(guard, "careful")
    for less, more in zip(default, careful, strict=True):
        assert len(more.norms) >= len(less.norms)
        assert more.tokens >= less.tokens
        assert {norm.id for norm in more.norms} >= {norm.id for norm in less.norms}
        assert not (less.action is Action.ADVISE and more.action is Action.PASS)
    assert sum(len(d.norms) for d in careful) > sum(len(d.norms) for d in default)
    earlier = [question for question, a, b in zip(questions(), default, careful, strict=True) if a.action != b.action]
    assert earlier, "a question that default lets pass"


def test_essential_sends_what_weighs_and_is_not_contested(guard: Guard) -> None:
    made = decisions(guard, "essential")
    sent = [guard.library.norms[norm.id] for decision in made for norm in decision.norms]
    assert sent
    assert all(norm.severity >= 2 and norm.strength != "contested" for norm in sent)
    assert all(len(decision.norms) <= 4 and decision.tokens <= 220 for decision in made)


def test_fail_closed_differs_in_faults_alone(guard: Guard, caplog: pytest.LogCaptureFixture) -> None:
    for one, other in zip(decisions(guard, "default"), decisions(guard, "fail-closed"), strict=True):
        assert (one.action, one.guidance) == (other.action, other.guidance)
    open_, closed = guard.policies.get("default").on_fault, guard.policies.get("fail-closed").on_fault
    assert {open_.guard, open_.timeout, open_.verify} == {"open"}
    assert {closed.guard, closed.timeout, closed.verify} == {"closed"}
    assert guard.policies.get("strict") is guard.policies.get("fail-closed"), "its name of old"
    assert "strict" not in guard.policies.names()


def test_off_changes_nothing_and_judges_all_the_same(guard: Guard) -> None:
    for one, other in zip(decisions(guard, "default"), decisions(guard, "off"), strict=True):
        assert (other.action, other.norms, other.guidance, other.tokens) == (Action.PASS, (), None, 0)
        assert other.sensitivity == one.sensitivity
    for question in questions():
        request = {"messages": [{"role": "user", "content": question}]}
        assert guard.apply(request, policy="off")[0] is request


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(PART.sub(lambda found: found[1] + written(Guard()), page), encoding="utf-8")
