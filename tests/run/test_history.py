"""What past runs took: kept beside the runs, an estimate and never more; and the forecast made of it."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.plan.graph import Graph
from console.plan.model import Plan
from console.run import events as ev
from console.run.forecast import forecast
from console.run.history import Estimates, estimates, learn
from console.run.state import RunState
from tests.plan.strategies import plans
from tests.run.harness import catalog, plan, step, tool

CHAIN = plan(step("1"), step("2", "slow", "1"), step("3", "look"))
TOOLS = catalog(tool("slow", duration=5))


def ran(run: str, took: dict[str, float], the_plan: Plan = CHAIN, *, begun: float = 100.0) -> RunState:
    """A run whose steps ran one after the other and took so long; a negative time failed."""
    state, at = RunState(), begun

    def tell(event: ev.Event) -> None:
        state.apply(ev.Record(seq=state.seq + 1, at=at, event=event))

    tell(ev.RunCreated(run=run, goal="g", workspace="/", version="0", by="ops"))
    tell(ev.CatalogLoaded(catalog=TOOLS))
    tell(ev.PlanDrafted(revision=1, plan=the_plan, plan_hash="h", planner="given"))
    tell(ev.RunStarted())
    for name, seconds in took.items():
        tell(ev.StepIntended(step=name, attempt=1, key=f"{run}/{name}/1"))
        tell(ev.StepStarted(step=name, attempt=1, started=at))
        at += abs(seconds)
        failed = ev.StepFailed(step=name, attempt=1, error="no")
        tell(failed if seconds < 0 else ev.StepSucceeded(step=name, attempt=1))
    return state


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.db"


def test_an_estimate_is_the_median_of_what_the_tool_took(file: Path) -> None:
    for number, seconds in enumerate((10.0, 12.0, 90.0)):
        learn(ran(f"r{number}", {"1": 2.0, "2": seconds}), file)
    known = estimates(file)
    assert known.of_plan(CHAIN, TOOLS) == {"1": 2.0, "2": 12.0}
    assert Estimates().of_plan(CHAIN, TOOLS) == {"2": 5.0}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_host_with_enough_runs_is_estimated_by_itself(file: Path) -> None:
    there = plan(step("1", on="far"))
    for number in range(3):
        learn(ran(f"far{number}", {"1": 30.0}, there), file)
        learn(ran(f"near{number}", {"1": 2.0}, begun=1_000.0), file)
        learn(ran(f"near{number}", {"1": 2.0}, begun=1_000.0), file)
    known = estimates(file)
    assert known.of(there.steps[0], TOOLS) == 30.0
    assert known.of(CHAIN.steps[0], TOOLS) == 16.0


def test_a_failed_attempt_says_nothing_of_how_long_it_takes(file: Path) -> None:
    learn(ran("r", {"1": -3.0}), file)
    assert estimates(file) == Estimates()


@pytest.mark.parametrize("broken", ["not a database", ""])
def test_a_history_that_is_broken_or_missing_estimates_nothing(file: Path, broken: str) -> None:
    if broken:
        file.parent.mkdir(mode=0o700)
        file.write_text(broken * 100)
    assert estimates(file) == Estimates()
    learn(ran("r", {"1": 3.0}), file)
    assert estimates(file).by_tool == ({} if broken else {"work": 3.0})


def test_a_link_is_not_followed(file: Path, tmp_path: Path) -> None:
    file.parent.mkdir(mode=0o700)
    target = tmp_path / "other"
    target.write_bytes(b"")
    file.symlink_to(target)
    learn(ran("r", {"1": 3.0}), file)
    assert target.read_bytes() == b""


# ── forecast ─────────────────────────────────────────────────────────────────────────────────────


def test_what_is_to_come_is_laid_out_as_it_would_start() -> None:
    state = ran("r", {"1": 4.0})
    ahead = forecast(Graph.of(CHAIN), state, {"1": 4.0, "2": 6.0, "3": 2.0}, 104.0, 1)
    assert ahead.spans == {"1": (100.0, 104.0), "2": (104.0, 110.0), "3": (110.0, 112.0)}
    assert (ahead.end, round(ahead.done, 3)) == (112.0, round(4 / 12, 3))
    assert forecast(Graph.of(CHAIN), state, {"2": 6.0, "3": 2.0}, 104.0).end == 110.0


@given(plans(bare=True), st.data())
def test_a_run_that_has_not_begun_takes_as_long_as_its_plan(the_plan: Plan, data: st.DataObject) -> None:
    graph = Graph.of(the_plan)
    lasts = {name: float(data.draw(st.integers(1, 9))) for name in graph.order}
    workers = data.draw(st.sampled_from([None, 1, 2, 3]))
    ahead = forecast(graph, RunState(), lasts, 100.0, workers)
    assert ahead.end == 100.0 + graph.makespan(lasts, workers)
    assert ahead.spans.keys() == set(graph.order)


def test_a_step_that_runs_longer_than_expected_holds_up_what_waits_for_it() -> None:
    state = ran("r", {})
    state.apply(ev.Record(seq=9, at=100.0, event=ev.StepIntended(step="1", attempt=1, key="r/1/1")))
    state.apply(ev.Record(seq=10, at=100.0, event=ev.StepStarted(step="1", attempt=1, started=100.0)))
    ahead = forecast(Graph.of(CHAIN), state, {"1": 5.0, "2": 6.0}, 120.0)
    assert ahead.spans["1"] == (100.0, 120.0)
    assert ahead.spans["2"] == (120.0, 126.0)


def test_the_critical_path_is_that_of_what_steps_took() -> None:
    the_plan = plan(step("a"), step("b"), step("c", "work", "a", "b"))
    graph, known = Graph.of(the_plan), {"a": 5.0, "b": 2.0, "c": 1.0}
    assert forecast(graph, RunState(), known, 100.0).path == ("a", "c")
    assert forecast(graph, RunState(), {}, 100.0).path == ()
    state = ran("r", {"a": 1.0}, the_plan)
    assert forecast(graph, state, known, 101.0).path == ("b", "c")
    late = ran("r", {"b": 9.0}, the_plan)
    assert forecast(graph, late, known, 109.0).path == ("b", "c")


def test_the_fields_of_results_are_kept_without_what_stood_in_them(file: Path) -> None:
    state = ran("r1", {"1": 2.0, "2": 1.0})
    done = state.steps["2"].attempts[-1]
    done.preview = '{"user": "secret", "ports": [{"number": 80}], "no path": 1}'
    learn(state, file)
    assert estimates(file).fields == {"slow": (".user", ".ports", ".ports[0]", ".ports[0].number")}
    assert b"secret" not in file.read_bytes()


def test_a_file_of_an_earlier_version_is_read(file: Path) -> None:
    learn(ran("r1", {"1": 2.0}), file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE fields")
        connection.commit()
    assert estimates(file).by_tool
