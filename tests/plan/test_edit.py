"""What an operator may change, and what not."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.plan.codec import faults_of, from_document, load, read_leniently
from console.plan.edit import (
    AddStep,
    DeleteStep,
    DeleteSteps,
    Edit,
    EditHistory,
    EditRefused,
    Group,
    MoveStep,
    Place,
    ReplacePlan,
    ReplaceStep,
    SetEnabled,
    SetGate,
    SetRollback,
    Together,
    Ungroup,
    apply,
    copied,
    copies,
    new_id,
)
from console.plan.graph import Graph
from console.plan.model import Compensation, Gate, Plan, Step, StepId, Undo
from tests.plan.strategies import plans


def plan_of(*steps: Any, **more: Any) -> Plan:
    return from_document({"steps": list(steps), **more})


def do(name: Any, *needs: Any, **more: Any) -> dict[str, Any]:
    return {"id": name, "action": "do", "depends_on": list(needs), **more}


def needs(plan: Plan) -> dict[StepId, tuple[StepId, ...]]:
    return {step.id: step.depends_on for step, _ in plan.walk()}


def tree_of(plan: Plan) -> list[Any]:
    def go(steps: tuple[Step, ...]) -> list[Any]:
        return [[step.id, *go(step.steps)] if step.steps else step.id for step in steps]

    return go(plan.steps)


def refusal(plan: Plan, edit: Edit) -> str:
    with pytest.raises(EditRefused) as refused:
        apply(plan, edit)
    return str(refused.value)


CHAIN = plan_of(do(1), do(2, 1), do(3, 2), do(4, 3))
PHASED = plan_of(do(1), {"id": "p", "depends_on": [1], "steps": [do(2), do(3, 2)]}, do(4, "p"))


# ── single steps ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("place", "tree"),
    [
        (Place(), ["1", ["p", "2", "3"], "4", "9"]),
        (Place(after="2"), ["1", ["p", "2", "9", "3"], "4"]),
        (Place(before="p"), ["1", "9", ["p", "2", "3"], "4"]),
        (Place(into="p"), ["1", ["p", "2", "3", "9"], "4"]),
    ],
)
def test_a_step_is_added_where_it_was_asked_for(place: Place, tree: list[Any]) -> None:
    assert tree_of(apply(PHASED, AddStep(Step(id="9", action="x"), place))) == tree


def test_the_first_step_of_an_unexpanded_phase_expands_it() -> None:
    plan = apply(plan_of({"id": "p", "expand": True}), AddStep(Step(id="1", action="a"), Place(into="p")))
    assert (plan.steps[0].expand, tree_of(plan)) == (False, [["p", "1"]])


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (AddStep(Step(id="2", action="x")), "the id 2 is taken. the plan is as it was. choose another"),
        (AddStep(Step(id="9", action="x"), Place(after="7")),
         "there is no step 7. the plan is as it was. nearest is 4"),
        (AddStep(Step(id="9", action="x"), Place(into="1")), "step 1 is not a phase. the plan is as it was"),
        (AddStep(Step(id="9", action="x", depends_on=("8",))),
         "step 9: add step 9 to the end: it depends on 8, which does not exist. the plan is as it was"),
        (AddStep(Step(id="9")), "step 9: add step 9 to the end: it has no action. the plan is as it was"),
        (ReplaceStep("2", Step(id="5", action="x")), "the id of step 2 cannot change. the plan is as it was"),
        (ReplaceStep("5", Step(id="5", action="x")),
         "there is no step 5. the plan is as it was. nearest is 4"),
        (ReplaceStep("1", Step(id="1", action="x", depends_on=("4",))),
         "step 1: change step 1: the dependencies go in a circle: 1 → p → 4 → 1. the plan is as it was"),
        (SetRollback((Compensation(action="r", undoes=("9",)),)),
         "set the rollback to 1 items: the rollback item r undoes 9, which does not exist. "
         "the plan is as it was"),
        (MoveStep("p", Place(into="p")),
         "step p cannot be moved into p: that is itself. the plan is as it was"),
        (MoveStep("p", Place(after="3")),
         "step p cannot be moved after 3: that is itself. the plan is as it was"),
        (MoveStep("7", Place()), "there is no step 7. the plan is as it was. nearest is 4"),
        (Group((), "q"), "only steps of one phase can be grouped. the plan is as it was"),
        (Group(("1", "2"), "q"), "only steps of one phase can be grouped. the plan is as it was"),
        (Group(("1",), "p"), "the id p is taken. the plan is as it was. choose another"),
        (Group(("1", "5"), "q"), "there is no step 5. the plan is as it was. nearest is 4"),
        (Ungroup("1"), "step 1 holds no steps. the plan is as it was"),
    ],
)  # fmt: skip
def test_an_edit_that_cannot_be_made_says_why(edit: Edit, reason: str) -> None:
    assert refusal(PHASED, edit) == reason


def test_a_step_is_replaced_skipped_and_gated() -> None:
    plan = apply(PHASED, ReplaceStep("3", Step(id="3", action="new", depends_on=("2",))))
    plan = apply(plan, SetEnabled("p", enabled=False))
    plan = apply(plan, SetGate("4", Gate(question="now?")))
    assert plan.step("3").action == "new"
    assert not plan.step("p").enabled
    assert plan.step("4").gate == Gate(question="now?")
    assert apply(apply(plan, SetEnabled("p", enabled=True)), SetGate("4", None)).step("4").gate is None


def test_the_rollback_and_the_whole_plan_can_be_replaced() -> None:
    item = Compensation(action="back", undoes=("1",))
    assert apply(CHAIN, SetRollback((item,))).rollback == (item,)
    assert apply(CHAIN, ReplacePlan(PHASED)) == PHASED


@pytest.mark.parametrize(
    ("edit", "summary"),
    [
        (AddStep(Step(id="9")), "add step 9 to the end"),
        (MoveStep("1", Place(before="2")), "move step 1 before 2"),
        (DeleteStep("1"), "delete step 1"),
        (ReplaceStep("1", Step(id="1")), "change step 1"),
        (SetEnabled("1", enabled=True), "enable step 1"),
        (SetEnabled("1", enabled=False), "skip step 1"),
        (SetGate("1", Gate()), "set a gate before step 1"),
        (SetGate("1", None), "remove the gate of step 1"),
        (Group(("1", "2"), "p"), "group steps 1, 2 as p"),
        (Ungroup("p"), "dissolve phase p"),
        (SetRollback(()), "set the rollback to 0 items"),
        (ReplacePlan(Plan()), "replace the plan"),
    ],
)
def test_every_edit_says_in_one_line_what_it_does(edit: Edit, summary: str) -> None:
    assert edit.summary == summary


def test_a_plan_with_faults_can_be_mended_one_edit_at_a_time() -> None:
    plan, _ = read_leniently(
        '[{"id": 1, "action": "a", "depends_on": [8]}, {"id": 2, "action": "b", "depends_on": [9]}]'
    )
    assert plan is not None
    plan = apply(plan, ReplaceStep("1", Step(id="1", action="a")))
    assert len(faults_of(plan)) == 1
    plan = apply(plan, ReplaceStep("2", Step(id="2", action="b", depends_on=("1",))))
    assert faults_of(plan) == ()


# ── deleting ─────────────────────────────────────────────────────────────────────────────────────


def test_a_step_others_depend_on_is_not_deleted() -> None:
    assert refusal(CHAIN, DeleteStep("2")) == (
        "step 2 cannot be deleted: step 3 depends on it. "
        "the plan is as it was. re-wire to delete it all the same"
    )
    fan = plan_of(do(1), *(do(i, 1) for i in range(2, 7)))
    assert "steps 2, 3, 4 and 2 more depend on it" in refusal(fan, DeleteStep("1"))
    tied = plan_of(do(1), rollback=[{"action": "back", "undoes": [1]}])
    assert "rollback item back undoes it" in refusal(tied, DeleteStep("1"))


def test_re_wiring_gives_the_dependencies_of_a_deleted_step_to_its_dependents() -> None:
    assert needs(apply(CHAIN, DeleteStep("2", rewire=True))) == {"1": (), "3": ("1",), "4": ("3",)}
    assert needs(apply(CHAIN, DeleteStep("4"))) == {"1": (), "2": ("1",), "3": ("2",)}


def test_re_wiring_cannot_replace_a_result() -> None:
    plan = plan_of(do(1), do(2, params={"x": "{step_1_result}"}))
    assert "{step_1_result} refers to step 1" in refusal(plan, DeleteStep("1", rewire=True))


def test_a_phase_is_deleted_with_all_it_holds() -> None:
    assert needs(apply(PHASED, DeleteStep("p", rewire=True))) == {"1": (), "4": ("1",)}
    inner = plan_of(
        do(0), do(1), {"id": "p", "depends_on": [1], "steps": [do(2), do(3, 0), do(5, 2)]}, do(4, 5)
    )
    assert needs(apply(inner, DeleteStep("p", rewire=True))) == {"0": (), "1": (), "4": ("1",)}


def test_rollback_items_let_go_of_deleted_steps() -> None:
    items = [
        {"action": "a", "undoes": [1]},
        {"action": "b", "undoes": [1, 2]},
        {"action": "c"},
        {"action": "d", "undoes": []},
    ]
    plan = apply(plan_of(do(1), do(2), rollback=items), DeleteStep("1", rewire=True))
    assert [(item.action, item.undoes) for item in plan.rollback] == [("b", ("2",)), ("c", None), ("d", ())]


def test_a_phase_is_not_left_without_steps() -> None:
    plan = plan_of({"id": "p", "steps": [do(1)]}, do(2))
    why = "phase p would be left without steps. the plan is as it was. delete or dissolve the phase instead"
    assert refusal(plan, DeleteStep("1")) == f"delete step 1: {why}"
    assert refusal(plan, MoveStep("1", Place(after="2"))) == f"move step 1 after 2: {why}"


@given(plans(min_size=2, bare=True), st.data())
def test_deleting_keeps_the_order_of_what_is_left(plan: Plan, data: st.DataObject) -> None:
    doomed = data.draw(st.sampled_from([step.id for step, _ in plan.walk()]))
    try:
        new = apply(plan, DeleteStep(doomed, rewire=True))
    except EditRefused:
        return
    old_graph, new_graph = Graph.of(plan), Graph.of(new)
    for name in new_graph.order:
        assert new_graph.ancestors(name) == old_graph.ancestors(name) & set(new_graph.order)


# ── moving ───────────────────────────────────────────────────────────────────────────────────────


def test_a_move_that_a_dependency_forbids_says_which() -> None:
    assert refusal(CHAIN, MoveStep("4", Place(before="2"))) == (
        "step 4 cannot be moved before 2: step 4 depends on step 3, which would come after it. "
        "the plan is as it was. re-wire to turn their order round"
    )
    assert refusal(CHAIN, MoveStep("1", Place(after="2"))) == (
        "step 1 cannot be moved after 2: step 2 depends on step 1, which would come after it. "
        "the plan is as it was. re-wire to turn their order round"
    )
    assert "step p depends on step 1" in refusal(PHASED, MoveStep("p", Place(before="1")))
    assert "step 4 depends on step p" in refusal(PHASED, MoveStep("4", Place(after="1")))


@pytest.mark.parametrize("rewire", [True, False])
def test_the_use_of_a_result_is_never_turned_round(rewire: bool) -> None:
    plan = plan_of(do(1), do(2, params={"x": "{step_1_result}"}))
    assert refusal(plan, MoveStep("2", Place(before="1"), rewire=rewire)) == (
        "step 2 cannot be moved before 1: step 2 uses the result of step 1, which would come after it. "
        "the plan is as it was"
    )


def test_a_free_step_moves_anywhere() -> None:
    plan = plan_of(do(1), do(2), do(3, 1))
    assert tree_of(apply(plan, MoveStep("2", Place()))) == ["1", "3", "2"]
    assert tree_of(apply(plan, MoveStep("2", Place(before="1")))) == ["2", "1", "3"]
    assert tree_of(apply(PHASED, MoveStep("3", Place(after="p")))) == ["1", ["p", "2"], "3", "4"]
    assert tree_of(apply(PHASED, MoveStep("1", Place(before="p")))) == tree_of(PHASED)


def test_a_move_out_of_order_that_was_there_before_is_allowed() -> None:
    plan = plan_of(do(1, 3), do(2), do(3), do(4))
    assert tree_of(apply(plan, MoveStep("1", Place(after="2")))) == ["2", "1", "3", "4"]


def test_re_wiring_turns_the_order_round() -> None:
    up = apply(CHAIN, MoveStep("4", Place(before="2"), rewire=True))
    assert needs(up) == {"1": (), "4": ("1",), "2": ("1", "4"), "3": ("2",)}
    down = apply(CHAIN, MoveStep("1", Place(after="3"), rewire=True))
    assert needs(down) == {"2": (), "3": ("2",), "1": ("3",), "4": ("3", "1")}


def test_what_came_after_both_still_does_when_their_order_is_turned_round() -> None:
    longer = plan_of(do(1), do(2, 1), do(3, 2), do(4, 3), do(5, 4))
    assert needs(apply(longer, MoveStep("4", Place(before="2"), rewire=True)))["5"] == ("4", "3")
    past = plan_of(do(1), {"id": "p", "depends_on": [1], "steps": [do(2), do(3, 2)]}, do(4, 3))
    turned = apply(past, MoveStep("1", Place(after="p"), rewire=True))
    assert needs(turned) == {"p": (), "2": (), "3": ("2",), "1": ("p",), "4": ("3", "1")}


def test_what_leaves_a_phase_keeps_its_order() -> None:
    plan = apply(PHASED, MoveStep("3", Place(after="p")))
    assert needs(plan) == {"1": (), "p": ("1",), "2": (), "3": ("2", "1"), "4": ("p", "3")}
    assert "step 3 depends on step 2" in refusal(PHASED, MoveStep("3", Place(before="p")))
    assert "step 4 depends on step 3" in refusal(PHASED, MoveStep("3", Place(after="4")))


@given(plans(min_size=2, bare=True), st.data())
def test_a_move_with_re_wiring_makes_the_tree_say_the_order(plan: Plan, data: st.DataObject) -> None:
    ids = [step.id for step, _ in plan.walk()]
    name = data.draw(st.sampled_from(ids))
    beside = data.draw(st.sampled_from(ids))
    place = data.draw(st.sampled_from([Place(after=beside), Place(before=beside)]))
    try:
        new = apply(plan, MoveStep(name, place, rewire=True))
    except EditRefused:
        return
    assert faults_of(new) == ()
    old_graph, new_graph = Graph.of(plan), Graph.of(new)
    moved = {step.id for step, path in plan.walk() if name in (step.id, *path)}
    position = {step.id: index for index, (step, _) in enumerate(new.walk())}
    for one, other in combinations(new_graph.order, 2):
        assert new_graph.ordered(one, other) or not old_graph.ordered(one, other)
        if (one in moved) != (other in moved):
            assert position[one] < position[other] or not new_graph.ordered(one, other)


# ── phases ───────────────────────────────────────────────────────────────────────────────────────


def test_steps_are_grouped_where_the_first_of_them_stood() -> None:
    plan = apply(plan_of(do(1), do(2), do(3), do(4)), Group(("4", "2"), "p", "Release"))
    assert tree_of(plan) == ["1", ["p", "2", "4"], "3"]
    assert plan.step("p").description == "Release"
    assert tree_of(apply(PHASED, Group(("2",), "q"))) == ["1", ["p", ["q", "2"], "3"], "4"]


def test_a_dissolved_phase_leaves_to_its_steps_what_held_for_all_of_them() -> None:
    plan = plan_of(
        do(1),
        {"id": "p", "depends_on": [1], "explain": {"1": "why"}, "on": "web", "on_failure": "ask",
         "enabled": False,
         "steps": [do(2), do(3, 2, on="db", on_failure="stop")]},
        do(4, "p", 1),
        rollback=[{"action": "a", "undoes": ["p", 1]}, {"action": "b"}],
    )  # fmt: skip
    new = apply(plan, Ungroup("p"))
    assert tree_of(new) == ["1", "2", "3", "4"]
    assert needs(new) == {"1": (), "2": ("1",), "3": ("1", "2"), "4": ("2", "3", "1")}
    two, three = new.step("2"), new.step("3")
    assert (two.on, two.on_failure, two.enabled, two.explain) == ("web", "ask", False, {"1": "why"})
    assert (three.on, three.on_failure, three.enabled) == ("db", "stop", False)
    assert [item.undoes for item in new.rollback] == [("2", "3", "1"), None]


def test_a_phase_with_a_gate_is_not_dissolved() -> None:
    plan = plan_of({"id": "p", "gate": True, "steps": [do(1)]})
    assert refusal(plan, Ungroup("p")) == (
        "phase p has a gate, which would be lost. the plan is as it was. remove the gate first"
    )


@given(plans(bare=True), st.data())
def test_dissolving_a_phase_keeps_the_order(plan: Plan, data: st.DataObject) -> None:
    phases = [step.id for step, _ in plan.walk() if step.steps]
    if phases:
        new = apply(plan, Ungroup(data.draw(st.sampled_from(phases))))
        was, now = Graph.of(plan), Graph.of(new)
        assert [(s, now.directly_before(s)) for s in now.order] == [
            (s, was.directly_before(s)) for s in was.order
        ]
        assert now.skipped == was.skipped


# ── copies and ids ───────────────────────────────────────────────────────────────────────────────


def test_a_copy_gets_new_ids_and_speaks_of_itself_by_them() -> None:
    undo = Undo(action="rm", params={"id": "{step_5_result.id}"})
    step = Step(id="5", action="make", params={"x": "{step_1_result}"}, undo=undo, depends_on=("1",))
    copy = copied(step, Plan(steps=(Step(id="1", action="a"), step)))
    assert copy == Step(
        id="6",
        action="make",
        params={"x": "{step_1_result}"},
        undo=Undo(action="rm", params={"id": "{step_6_result.id}"}),
        depends_on=("1",),
    )


def test_a_copied_phase_hangs_together_as_before() -> None:
    copy = copied(PHASED.step("p"), PHASED, used=("20",))
    plan = apply(PHASED, AddStep(copy))
    assert tree_of(plan) == ["1", ["p", "2", "3"], "4", ["21", "22", "23"]]
    assert needs(plan)["23"] == ("22",)
    assert needs(plan)["21"] == ("1",)


def test_new_ids_are_above_all_that_ever_were() -> None:
    assert new_id(Plan()) == "1"
    assert new_id(CHAIN) == "5"
    assert new_id(CHAIN, ["17", "x"]) == "18"
    history = EditHistory(CHAIN)
    history.do(AddStep(Step(id="9", action="x")))
    history.do(DeleteStep("9"))
    assert history.new_id() == "10"


# ── history ──────────────────────────────────────────────────────────────────────────────────────


def test_a_refused_edit_leaves_the_history_as_it_was() -> None:
    history = EditHistory(CHAIN)
    history.do(SetEnabled("1", enabled=False))
    history.undo()
    with pytest.raises(EditRefused):
        history.do(DeleteStep("1"))
    assert history.plan == CHAIN
    assert history.can_redo
    assert not history.can_undo


def test_there_is_nothing_to_undo_or_redo_at_the_ends() -> None:
    history = EditHistory(CHAIN)
    with pytest.raises(EditRefused, match="no edit to undo"):
        history.undo()
    with pytest.raises(EditRefused, match="no edit to make again"):
        history.redo()


def test_a_new_edit_gives_up_what_was_undone() -> None:
    history = EditHistory(CHAIN)
    history.do(SetEnabled("1", enabled=False))
    history.undo()
    assert [edit.summary for edit in history.undone] == ["skip step 1"]
    history.do(SetGate("2", Gate()))
    assert not history.can_redo
    assert [edit.summary for edit in history.edits] == ["set a gate before step 2"]


@st.composite
def edits(draw: st.DrawFn, plan: Plan) -> Edit:
    ids = [step.id for step, _ in plan.walk()] or ["1"]
    one, other = draw(st.sampled_from(ids)), draw(st.sampled_from(ids))
    place = draw(st.sampled_from([Place(), Place(after=one), Place(before=one), Place(into=one)]))
    flag: bool = draw(st.booleans())
    choices: list[Edit] = [
        AddStep(Step(id=new_id(plan), action="new", depends_on=(other,)), place),
        DeleteStep(other, rewire=flag),
        MoveStep(other, place, rewire=flag),
        SetEnabled(other, enabled=flag),
        SetGate(other, Gate() if flag else None),
        Group(tuple({one: 0, other: 0}), f"g{len(ids)}"),
        Ungroup(other),
        SetRollback((Compensation(action="back", undoes=(other,)),)),
        ReplacePlan(draw(plans(max_size=3, bare=True))),
    ]
    return draw(st.sampled_from(choices))


@given(plans(bare=True), st.data())
def test_every_sequence_of_edits_undoes_to_the_start_and_redoes_to_the_end(
    plan: Plan, data: st.DataObject
) -> None:
    history = EditHistory(plan)
    states = [plan]
    for _ in range(data.draw(st.integers(1, 6))):
        try:
            states.append(history.do(data.draw(edits(history.plan))))
        except EditRefused:
            assert history.plan is states[-1]
        assert faults_of(history.plan) == ()
    for state in reversed(states[:-1]):
        assert history.undo() is state
    assert not history.can_undo
    for state in states[1:]:
        assert history.redo() is state
    assert not history.can_redo


def test_a_plan_from_text_and_back_is_replaced_whole() -> None:
    history = EditHistory(CHAIN)
    other = load("[{id: a, action: x}]")
    assert history.do(ReplacePlan(other)) == other
    assert history.undo() == CHAIN


# ── several steps as one edit ────────────────────────────────────────────────────────────────────


def test_steps_are_deleted_together_with_what_they_say_of_each_other() -> None:
    assert needs(apply(CHAIN, DeleteSteps(("3", "4")))) == {"1": (), "2": ("1",)}
    assert needs(apply(CHAIN, DeleteSteps(("2", "3"), rewire=True))) == {"1": (), "4": ("1",)}
    assert "steps 2, 3 cannot be deleted: step 4 depends on them" in refusal(CHAIN, DeleteSteps(("2", "3")))
    assert needs(apply(PHASED, DeleteSteps(("p", "2"), rewire=True))) == {"1": (), "4": ("1",)}


def test_edits_made_together_are_made_whole_or_not_at_all() -> None:
    both = Together((SetEnabled("1", False), SetEnabled("2", False)), "leave out steps 1, 2")
    assert both.summary == "leave out steps 1, 2"
    assert [s.id for s in apply(CHAIN, both).leaves() if s.enabled] == ["3", "4"]
    assert "there is no step 9" in refusal(
        CHAIN, Together((SetEnabled("1", False), SetEnabled("9", True)), "x")
    )


def test_copies_made_together_refer_to_each_other() -> None:
    two, three = copies(CHAIN.steps[1:3], CHAIN)
    assert (two.id, two.depends_on) == ("5", ("1",))
    assert (three.id, three.depends_on) == ("6", ("5",))
