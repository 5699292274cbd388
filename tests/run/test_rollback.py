"""What a rollback would do, read off the plan and the state of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.catalog.spec import Catalog, Risk, ToolSpec
from console.plan.check.ties import tie_of
from console.plan.graph import Graph
from console.plan.model import Compensation, Plan, Step, Undo
from console.run import events as ev
from console.run.rollback import carried_out, plan_rollback, rollback_hash
from console.run.state import RunState
from tests.run.harness import catalog, contract, plan, step, tool

D = Risk.DESTRUCTIVE


def plain(name: str, risk: Risk | None = None) -> ToolSpec:
    """A tool whose file says nothing of its risk, or that it destroys."""
    base = tool(name, risk or Risk.DISRUPTIVE)
    return base.model_copy(update={"risk_known": risk is not None})


def tools(*specs: ToolSpec) -> Catalog:
    return catalog(*specs)


def state_of(
    plan_: Plan,
    started: Sequence[str],
    *,
    failed: Sequence[str] = (),
    params: Mapping[str, Any] | None = None,
) -> RunState:
    """The run after these steps started, in this order; those in `failed` failed."""
    state = RunState()
    said: list[ev.Event] = [
        ev.PlanDrafted(revision=1, plan=plan_, plan_hash="h", planner="given"),
        ev.RunStarted(),
    ]
    for step_id in started:
        given_params = (params or {}).get(step_id, plan_.step(step_id).params)
        said.append(ev.StepIntended(step=step_id, attempt=1, key=f"r/{step_id}/1", params=given_params))
        if step_id in failed:
            said.append(ev.StepFailed(step=step_id, attempt=1, error="exit code 1", exit_code=1))
        else:
            said.append(ev.StepSucceeded(step=step_id, attempt=1))
    for seq, event in enumerate(said, 1):
        state.apply(ev.Record(seq=seq, at=float(seq), event=event))
    return state


# ── ties ─────────────────────────────────────────────────────────────────────────────────────────


def tie(item: Compensation, steps: Plan, specs: Catalog, started: Sequence[str] = ()) -> tuple[str, ...]:
    return tie_of(item, steps, specs, carried_out(state_of(steps, started))).undoes


def test_what_the_plan_says_counts_first() -> None:
    steps = plan(step("1"), step("2"))
    assert tie(Compensation(action="wipe", undoes=("2",)), steps, tools()) == ("2",)


def test_a_reference_ties_to_the_step_whose_result_it_uses() -> None:
    steps = plan(step("1"), step("2"))
    item = Compensation(action="undo_work", params={"what": "{step_1_result}"})
    assert tie(item, steps, tools()) == ("1",)


def test_a_release_that_is_removed_ties_to_the_one_created() -> None:
    specs = tools(plain("create_release"), plain("remove_release", D), plain("run_checks"))
    steps = plan(step("1", "create_release", params={"release": "20240401"}), step("2", "run_checks"))
    item = Compensation(action="remove_release", params={"release": "20240401"})
    assert tie(item, steps, specs) == ("1",)


def test_a_link_that_is_switched_back_ties_to_the_switch() -> None:
    specs = tools(plain("switch_symlink", D), plain("create_release"))
    steps = plan(
        step("1", "create_release", params={"release": "new"}),
        step("2", "switch_symlink", "1", params={"release": "{step_1_result}"}),
    )
    item = Compensation(action="switch_symlink", params={"release": "old-one"})
    assert tie(item, steps, specs) == ("2",)


def test_the_object_in_the_names_ties_when_nothing_else_does() -> None:
    specs = tools(
        plain("edit_config", D), plain("restore_config", D), plain("reload", D), plain("backup_config")
    )
    steps = plan(step("1", "backup_config"), step("2", "edit_config", "1"), step("3", "reload", "2"))
    found = tie_of(Compensation(action="restore_config"), steps, specs)
    assert found.undoes == ("2",)
    assert found.needs == ("1",)


def test_contracts_tie_what_takes_away_to_what_brings() -> None:
    up = tool("up", contract=contract(provides="service up"))
    down = tool("down", contract=contract(removes="service up"))
    steps = plan(step("1", "up"), step("2"))
    assert tie(Compensation(action="down"), steps, tools(up, down)) == ("1",)


def test_a_notice_is_tied_to_nothing_and_runs() -> None:
    specs = tools(plain("notify_team"))
    steps = plan(step("1"), step("2", "notify_team", "1", params={"message": "deployed"}))
    note = Compensation(action="notify_team", params={"message": "rolled back"})
    rollback = plan_rollback(
        steps.model_copy(update={"rollback": (note,)}), specs, state_of(steps, ["1"], failed=["1"])
    )
    assert [item.fate for item in rollback.items] == ["planned"]


# ── fates ────────────────────────────────────────────────────────────────────────────────────────


def deployment() -> tuple[Plan, Catalog]:
    specs = tools(
        plain("backup_db"), plain("migrate_db", D), plain("restore_db", D), tool("look", Risk.OBSERVE)
    )
    steps = plan(
        step("1", "backup_db", params={"file": "dump.sql"}),
        step("2", "migrate_db", "1"),
        step("3", "look", "2"),
        rollback=[Compensation(action="restore_db", params={"file": "dump.sql"})],
    )
    return steps, specs


def fate(started: Sequence[str], failed: Sequence[str]) -> str:
    steps, specs = deployment()
    return plan_rollback(steps, specs, state_of(steps, started, failed=failed)).items[0].fate


def test_a_restore_runs_when_what_it_undoes_has_started() -> None:
    assert fate(["1", "2"], ["2"]) == "planned"


def test_a_restore_is_refused_without_its_backup() -> None:
    assert fate(["1"], ["1"]) == "refused"


def test_a_restore_is_left_out_when_nothing_it_undoes_has_started() -> None:
    assert fate(["1"], []) == "left_out"


def test_a_destructive_item_tied_to_nothing_asks() -> None:
    specs = tools(plain("purge", D), plain("reset_all", D))
    steps = plan(step("1", "purge"), rollback=[Compensation(action="reset_all")])
    rollback = plan_rollback(steps, specs, state_of(steps, ["1"]))
    assert rollback.items[0].ask
    nothing = plan_rollback(steps, specs, state_of(steps, []))
    assert nothing.items[0].fate == "left_out"


def test_an_undo_that_needs_a_result_there_is_not_is_refused() -> None:
    undo = Undo(action="undo_work", params={"id": "{step_1_result}"})
    steps = plan(step("1", undo=undo))
    failed = plan_rollback(steps, tools(), state_of(steps, ["1"], failed=["1"]))
    assert [item.fate for item in failed.items] == ["refused"]
    done = plan_rollback(steps, tools(), state_of(steps, ["1"]))
    assert [item.fate for item in done.items] == ["planned"]


def test_a_tools_own_undo_gets_the_parameters_that_were_carried_out() -> None:
    add = tool("add", undo=Undo(action="undo_work", params={"name": "$name"}), parameters=({"name": "name"},))
    steps = plan(step("1", "add", params={"name": "{step_0_result}"}), step("0"))
    state = state_of(steps, ["0", "1"], params={"1": {"name": "resolved"}})
    item = plan_rollback(steps, tools(add), state).items[0]
    assert item.step.params == {"name": "resolved"}


def test_the_same_call_is_not_made_twice() -> None:
    undo = Undo(action="undo_work", params={"x": 1})
    steps = plan(step("1", undo=undo), rollback=[Compensation(action="undo_work", params={"x": 1})])
    rollback = plan_rollback(steps, tools(), state_of(steps, ["1"]))
    assert len(rollback.items) == 1


def test_what_nothing_compensates_is_named() -> None:
    steps = plan(step("1", "wipe"), step("2", "work"), step("3", "look"))
    rollback = plan_rollback(steps, tools(), state_of(steps, ["1", "2", "3"]))
    assert rollback.irreversible == ("1",)
    assert rollback.uncovered == ("2",)


def test_a_step_that_never_started_has_nothing_to_undo() -> None:
    steps = plan(step("1", undo=Undo(action="undo_work")))
    state = RunState()
    said = [
        ev.PlanDrafted(revision=1, plan=steps, plan_hash="h", planner="given"),
        ev.RunStarted(),
        ev.StepIntended(step="1", attempt=1, key="r/1/1"),
        ev.StepFailed(step="1", attempt=1, error="no such program", never_started=True),
    ]
    for seq, event in enumerate(said, 1):
        state.apply(ev.Record(seq=seq, at=1.0, event=event))
    assert plan_rollback(steps, tools(), state).items == ()


def test_the_operator_can_change_a_tie() -> None:
    specs = tools(plain("a_tool"), plain("b_tool", D))
    steps = plan(
        step("1", "a_tool"), step("2", "look"), rollback=[Compensation(action="b_tool", undoes=("2",))]
    )
    state = state_of(steps, ["1"])
    assert plan_rollback(steps, specs, state).items[0].fate == "left_out"
    changed = plan_rollback(steps, specs, state, ties={"rollback-1": ("1",)})
    assert changed.items[0].fate == "planned"
    assert changed.items[0].undoes == ("1",)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Plan, list[str]]:
    size = draw(st.integers(1, 9))
    steps: list[Step] = []
    for n in range(size):
        before = draw(st.lists(st.integers(0, n - 1), unique=True, max_size=3)) if n else []
        undo = draw(st.sampled_from([None, Undo(action="undo_work", params={"of": n})]))
        steps.append(Step(id=str(n), action="work", depends_on=tuple(str(b) for b in before), undo=undo))
    whole = Plan(steps=tuple(steps))
    started: list[str] = []
    graph = Graph.of(whole)
    for step_id in graph.order:
        if all(b in started for b in graph.directly_before(step_id)) and draw(st.integers(0, 4)):
            started.append(step_id)
    return whole, started


@given(histories())
def test_what_came_later_is_undone_first(history: tuple[Plan, list[str]]) -> None:
    whole, started = history
    rollback = plan_rollback(whole, tools(), state_of(whole, started))
    graph, items = Graph.of(whole), Graph.of(Plan(steps=tuple(item.step for item in rollback.items)))
    item_of = {item.undoes[0]: item.step.id for item in rollback.items}
    assert set(item_of) == {s for s in started if whole.step(s).undo}
    assert set(rollback.uncovered) == {s for s in started if not whole.step(s).undo}
    for early in item_of:
        for late in item_of:
            if early in graph.ancestors(late):
                assert items.ordered(item_of[late], item_of[early])
    places = [started.index(item.undoes[0]) for item in rollback.items]
    assert places == sorted(places, reverse=True)


@given(histories())
def test_the_same_run_gives_the_same_rollback(history: tuple[Plan, list[str]]) -> None:
    whole, started = history
    first = plan_rollback(whole, tools(), state_of(whole, started))
    assert rollback_hash(first) == rollback_hash(plan_rollback(whole, tools(), state_of(whole, started)))


@pytest.mark.parametrize("back_to", ["0", "1", "2"])
def test_back_to_a_step_touches_only_what_started_after_it(back_to: str) -> None:
    undo = Undo(action="undo_work")
    chain = plan(step("0", undo=undo), step("1", "work", "0", undo=undo), step("2", "work", "1", undo=undo))
    rollback = plan_rollback(chain, tools(), state_of(chain, ["0", "1", "2"]), back_to=back_to)
    assert {s for item in rollback.items for s in item.undoes} == {
        s for s in ("0", "1", "2") if int(s) > int(back_to)
    }


def test_an_item_waits_for_others_in_the_order_they_are_listed_in() -> None:
    """Whatever the order of a set is in this process: another one must come to the same hash."""
    put = tool("put", Risk.REVERSIBLE).model_copy(update={"undo": Undo(action="take")})
    names = [str(number) for number in range(1, 10)]
    steps = (Step(id="1", action="put"), *(Step(id=n, action="put", depends_on=("1",)) for n in names[1:]))
    chain = Plan(steps=steps)
    rollback = plan_rollback(chain, tools(put, tool("take", Risk.REVERSIBLE)), state_of(chain, names))
    ids = tuple(item.step.id for item in rollback.items)
    assert rollback.items[-1].step.depends_on == ids[:-1]


def test_a_way_back_is_not_undone() -> None:
    back = plain("switch_back").model_copy(update={"recovery": True})
    steps = plan(
        step("1", undo=Undo(action="undo_work")),
        step("2", "switch_back", "1"),
        rollback=[Compensation(action="work", params={"to": "new"}, undoes=("2",))],
    )
    rollback = plan_rollback(steps, tools(back), state_of(steps, ["1", "2"]))
    assert [(item.step.id, item.fate) for item in rollback.items] == [
        ("undo-1", "planned"),
        ("rollback-1", "left_out"),
    ]
    assert rollback.uncovered == ()


def test_tools_that_share_no_more_than_a_word_such_as_file_are_not_tied() -> None:
    steps = plan(step("1", "copy_file", params={"to": "new.conf"}))
    specs = tools(plain("copy_file"), plain("delete_file", D))
    assert tie(Compensation(action="delete_file", params={"path": "cache"}), steps, specs) == ()
    assert tie(Compensation(action="delete_file", params={"path": "new.conf"}), steps, specs) == ("1",)


# ── backups that were not made ───────────────────────────────────────────────────────────────────

KEEPING = tools(
    tool("keep", contract=contract(provides="backup conf")),
    tool("change", contract=contract(requires="backup conf")).model_copy(
        update={"undo": Undo(action="bring_back")}
    ),
    tool("bring_back", Risk.DISRUPTIVE, contract=contract(requires="backup conf")),
)
KEPT = plan(step("1", "keep"), step("2", "change", "1"))


def fate_of_undo(state: RunState, plan_: Plan = KEPT) -> tuple[str, str]:
    (item,) = (i for i in plan_rollback(plan_, KEEPING, state).items if i.undoes == ("2",))
    return item.fate, item.why


def test_a_compensation_is_refused_where_the_backup_it_needs_was_not_made() -> None:
    refused = "refused", "it needs backup conf, and step 1 did not succeed"
    assert fate_of_undo(state_of(KEPT, ["1", "2"])) == ("planned", "")
    failed = state_of(KEPT, ["1", "2"], failed=["1"])
    assert fate_of_undo(failed) == refused
    assert plan_rollback(KEPT, KEEPING, failed).uncovered == ("2", "1")
    assert fate_of_undo(state_of(KEPT, ["2"])) == refused


def test_a_backup_that_was_there_before_or_made_by_another_step_will_do() -> None:
    failed = state_of(KEPT, ["1", "2"], failed=["1"])
    failed.facts = ("backup conf",)
    assert fate_of_undo(failed) == ("planned", "")
    two = plan(step("1", "keep"), step("3", "keep"), step("2", "change", "1"))
    assert fate_of_undo(state_of(two, ["1", "3", "2"], failed=["1"]), two) == ("planned", "")
    alone = plan(step("2", "change"))
    assert fate_of_undo(state_of(alone, ["2"]), alone) == ("planned", "")
