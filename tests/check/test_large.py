"""Plans of thousands of steps are checked as small ones are: what is found of each step is found of every
one. With work for each pair of steps these would not end within the time a test may take."""

from __future__ import annotations

from typing import Any

from console.catalog.contract import parse_fact
from console.plan.check import check
from console.plan.check.facts import FactIndex
from console.plan.codec import FILE_STEPS, from_document
from tests.planners.seed_loader import catalog_of

CATALOG = catalog_of(
    """
tools:
  - {name: start, risk: disruptive, provides: [up web], forbids: [up web]}
  - {name: stop, risk: disruptive, requires: [up web], removes: [up web]}
  - {name: build, risk: reversible, provides: [image $tag], parameters: [&tag {name: tag, required: true}]}
  - name: deploy
    risk: disruptive
    requires: [image $tag]
    provides: [deployed $host $tag]
    verify: smoke
    parameters: [&host {name: host, required: true}, *tag]
  - name: smoke
    risk: observe
    vars: [tag]
    requires: [deployed $host $tag]
    parameters: [*host]
  - {name: dump_db, risk: reversible, provides: [backup $db], parameters: [&db {name: db, required: true}]}
  - {name: wipe, risk: destructive, writes: [db $db], parameters: [*db]}
"""
)
COUNT = 3000


def codes(steps: list[dict[str, Any]]) -> dict[str, int]:
    """How often each code is found."""
    found: dict[str, int] = {}
    for finding in check(from_document(steps, max_steps=FILE_STEPS), CATALOG):
        found[finding.code] = found.get(finding.code, 0) + 1
    return found


def test_one_thing_that_is_brought_and_ended_over_and_over() -> None:
    steps: list[dict[str, Any]] = [
        {"id": i, "action": "start" if i % 2 else "stop", "depends_on": [i - 1] if i > 1 else []}
        for i in range(1, COUNT + 1)
    ]
    assert codes(steps) == {"no-way-back": COUNT}
    steps[COUNT // 2]["action"] = "stop"  # between two others: nothing is up for it, nor for the next
    assert codes(steps) == {"no-way-back": COUNT, "fact-ended": 2}


def test_effects_that_are_proved_one_by_one() -> None:
    steps: list[dict[str, Any]] = [{"id": 1, "action": "build", "params": {"tag": "v1"}}]
    for i in range(2, COUNT, 2):
        host = {"host": f"web-{i}"}
        steps.append({"id": i, "action": "deploy", "params": host | {"tag": "v1"}, "depends_on": [1]})
        steps.append({"id": i + 1, "action": "smoke", "params": host, "depends_on": [i]})
    assert codes(steps) == {"no-way-back": COUNT // 2 - 1}
    steps[2]["params"] = {"host": "web-none"}
    steps[2]["depends_on"] = []
    assert codes(steps)["unverified-effect"] == 1


def test_backups_of_one_thing_each() -> None:
    steps: list[dict[str, Any]] = []
    for i in range(1, COUNT, 2):
        steps.append({"id": i, "action": "dump_db", "params": {"db": f"db{i}"}})
        steps.append({"id": i + 1, "action": "wipe", "params": {"db": f"db{i}"}, "depends_on": [i]})
    assert "no-backup" not in codes(steps)
    steps[1]["params"] = {"db": "db99999"}
    assert codes(steps)["no-backup"] == 1


def test_what_is_asked_for_far_above_is_kept_when_a_needless_order_is_dropped() -> None:
    steps: list[dict[str, Any]] = [{"id": 1, "action": "build", "params": {"tag": "v1"}}]
    for i in range(2, COUNT):
        call = {"action": "dump_db", "params": {"db": f"db{i}"}}
        steps.append({"id": i, **call, "depends_on": [i - 1]})
    last = {"action": "deploy", "params": {"host": "web-1", "tag": "v1"}}
    steps.append({"id": COUNT, **last, "depends_on": [COUNT - 1]})
    plan = from_document(steps, max_steps=FILE_STEPS)
    [finding] = [f for f in check(plan, CATALOG) if f.step == str(COUNT) and f.code == "needless-order"]
    assert finding.fix is not None
    assert finding.fix.change(plan).step(str(COUNT)).depends_on == ("1",)


def test_facts_are_found_by_any_of_their_words() -> None:
    index = FactIndex(
        (parse_fact(fact), fact) for fact in ("up web", "up *", "down web", "up db", "copied up web")
    )
    assert index.find(parse_fact("up web")) == ["up web", "up *"]
    assert index.find(parse_fact("up $x")) == ["up web", "up *", "up db"]
    assert index.find(parse_fact("$x web")) == ["up web", "up *", "down web"]
    assert index.find(parse_fact("$x $y $z")) == ["copied up web"]
    assert index.find(parse_fact("down db")) == []
