"""Records that are read one after the other share what is the same in their plans, and say what they said."""

from __future__ import annotations

from typing import Any

from console.plan.codec import from_document
from console.plan.model import Plan, Step
from console.run.events import PlanEdited, Record
from console.run.sharing import Sharing


def plan_of(**params: Any) -> Plan:
    inside = [{"id": n, "action": "do", "params": {"n": n}} for n in (2, 3)]
    return from_document([{"id": 1, "action": "do", "params": params}, {"id": "p", "steps": inside}])


def record_of(plan: Plan, revision: int = 2) -> Record:
    return Record(1, 0.0, PlanEdited(revision=revision, plan=plan, plan_hash="h", summary='"plan":', by="a"))


def body_of(record: Record) -> str:
    return record.event.model_dump_json(by_alias=True, exclude_defaults=True)


def read_by(sharing: Sharing, record: Record) -> Plan:
    """The plan of a record that is written and read again."""
    event = sharing.decode(record.event.kind, body_of(record))
    assert event == record.event
    shared = sharing(record._replace(event=event)).event
    assert isinstance(shared, PlanEdited)
    assert shared == record.event
    return shared.plan


def steps_of(plan: Plan) -> list[Step]:
    return [step for step, _ in plan.walk()]


def test_what_an_edit_leaves_as_it_was_is_kept_once() -> None:
    sharing = Sharing()
    first, second = (read_by(sharing, record_of(plan_of(a=a))) for a in (1, 2))
    same = [one is other for one, other in zip(steps_of(first), steps_of(second), strict=True)]
    assert same == [False, True, True, True]


def test_a_plan_that_was_expected_is_not_made_anew() -> None:
    sharing, plan = Sharing(), plan_of(a="}{")
    sharing.expect(plan)
    assert read_by(sharing, record_of(plan)) is plan
    assert read_by(sharing, record_of(plan_of(a="}{"))).step("1") is plan.step("1")


def test_another_plan_than_was_expected_is_read() -> None:
    sharing = Sharing()
    sharing.expect(plan_of(a=1))
    assert read_by(sharing, record_of(plan_of(a=2))).step("1").params == {"a": 2}
