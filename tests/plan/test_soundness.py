"""An edit of a sound plan is judged by what it changed; the verdict is that of a look at everything."""

from __future__ import annotations

from typing import Any

import pytest

from console.plan.codec import faults_of, from_document
from console.plan.edit import EditHistory, EditRefused, ReplacePlan, SetEnabled
from console.plan.model import Compensation, Plan, Step
from console.plan.soundness import Sound


def plan_of(*steps: Any, **more: Any) -> Plan:
    return from_document({"steps": list(steps), **more})


def do(name: Any, *needs: Any, **more: Any) -> dict[str, Any]:
    return {"id": name, "action": "do", "depends_on": list(needs), **more}


OLD = plan_of(do(1), {"id": "p", "depends_on": [1], "steps": [do(2), do(3, 2)]}, do(4, "p"))
ONE, PHASE, FOUR = OLD.steps


def with_inside(*steps: Step) -> Plan:
    return OLD.model_copy(update={"steps": (ONE, PHASE.model_copy(update={"steps": steps}), FOUR)})


def with_fourth(**fields: Any) -> Plan:
    return OLD.model_copy(update={"steps": (ONE, PHASE, FOUR.model_copy(update=fields))})


NEW = Step(id="9", action="do")


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        with_fourth(params={"a": 1}),
        with_fourth(params={"a": "{step_3_result}"}),
        with_fourth(params={"a": "{step_7_result}"}),
        with_fourth(params={"a": "{step_p_result}"}),
        with_fourth(action=""),
        with_fourth(depends_on=()),
        with_fourth(depends_on=("9",)),
        with_fourth(id="1"),
        with_inside(PHASE.steps[0]),
        with_inside(PHASE.steps[1]),
        with_inside(*PHASE.steps, NEW),
        with_inside(*PHASE.steps, NEW.model_copy(update={"depends_on": ("2",)})),
        with_inside(*PHASE.steps, NEW.model_copy(update={"depends_on": ("4",)})),
        with_inside(PHASE.steps[0].model_copy(update={"depends_on": ("3",)}), PHASE.steps[1]),
        OLD.model_copy(update={"steps": (*OLD.steps, NEW)}),
        OLD.model_copy(update={"steps": (*OLD.steps, NEW.model_copy(update={"depends_on": ("4",)}))}),
        OLD.model_copy(update={"steps": (*OLD.steps, Step(id="q", steps=(NEW,)))}),
        OLD.model_copy(update={"steps": (ONE, *PHASE.steps, FOUR)}),
        OLD.model_copy(update={"steps": (*with_inside(PHASE.steps[0]).steps, PHASE.steps[1])}),
        OLD.model_copy(update={"rollback": (Compensation(action="back", undoes=("7",)),)}),
        OLD.model_copy(update={"rollback": (Compensation(action="back", undoes=("4",)),)}),
    ],
)
def test_the_verdict_is_that_of_a_look_at_everything(new: Plan) -> None:
    sound = Sound(OLD)
    assert sound.faults_after(new) == faults_of(new)
    assert (sound.plan is new) == (not faults_of(new))


def test_a_step_that_a_rollback_item_undoes_is_missed_when_it_goes() -> None:
    tied = OLD.model_copy(update={"rollback": (Compensation(action="back", undoes=("4",)),)})
    assert Sound(tied).faults_after(tied.model_copy(update={"steps": (ONE, PHASE)})) != ()


def test_undo_beyond_a_mended_plan_looks_at_everything_again() -> None:
    faulty = with_fourth(depends_on=("9",))
    history = EditHistory(faulty)
    history.do(ReplacePlan(OLD))
    history.do(SetEnabled("1", False))
    history.undo()
    history.do(SetEnabled("2", False))
    history.undo()
    history.undo()
    assert history.plan is faulty
    history.do(SetEnabled("1", False))
    with pytest.raises(EditRefused):
        history.do(ReplacePlan(with_fourth(depends_on=("8",))))
