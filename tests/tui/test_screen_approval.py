"""Nothing is approved but by a key, after everything was shown."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.content import Content
from textual.widgets import Input

from console.catalog.spec import Agent, Catalog, Contract, Risk, Script, ToolSpec
from console.plan.model import Gate, Plan, Step
from console.run import events as ev
from console.run.approval import resolved_hash, step_hash
from console.run.control import Approve, Deny
from console.run.state import RunState
from console.tui.insight import Question, look_at
from console.tui.screens.approval import ApprovalScreen, TypedWord
from console.tui.screens.brief import Brief
from console.tui.screens.modal import Reading
from console.tui.screens.rows import Row, Rows
from tests.tui.builders import CATALOG, DEPLOY, HARMLESS, drafted, failed, request_of, running, succeeded
from tests.tui.showing import Clock, Shown, shown

pytestmark = pytest.mark.anyio

LONG = Plan(
    goal="Look at everything",
    steps=tuple(Step(id=str(n), action="run_tests", description=f"look {n}") for n in range(1, 30)),
)
WIPE = ToolSpec(
    name="wipe",
    script=Script(command="wipe"),
    risk=Risk.DESTRUCTIVE,
    contract=Contract(writes=(("db", "main"),), requires=(("backup", "main"),)),
)
ERASE = ToolSpec(name="erase", script=Script(command="erase"), risk=Risk.DESTRUCTIVE)
WIPING = Catalog(tools={"wipe": WIPE})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


def approval(plan: Plan, clock: Clock, catalog: Catalog = CATALOG) -> ApprovalScreen:
    state = drafted(plan, catalog)
    return ApprovalScreen(request_of(state), state, clock=clock)


async def to_the_end(show: Shown, clock: Clock) -> None:
    """Read everything, slowly."""
    await show.press("G")
    clock.now += 1


async def test_enter_approves_a_harmless_plan_that_was_shown_whole(clock: Clock) -> None:
    async with shown(approval(HARMLESS, clock)) as show:
        clock.now += 1
        await show.press("enter")
        assert show.result == Approve(request="q1", hash="h" * 64, steps={}, how="key")


async def test_enter_is_dead_until_the_end_was_on_the_screen(clock: Clock) -> None:
    async with shown(approval(LONG, clock)) as show:
        clock.now += 60
        await show.press("enter", "pagedown", "enter")
        assert show.is_open
        assert "Read to the end first" in show.text()
        await show.press("G", "enter")
        assert isinstance(show.result, Approve)


async def test_scrolling_back_up_after_the_end_keeps_the_key_alive(clock: Clock) -> None:
    async with shown(approval(LONG, clock)) as show:
        clock.now += 60
        await show.press("G", "g", "enter")
        assert isinstance(show.result, Approve)


async def test_enter_is_dead_until_the_screen_settled(clock: Clock) -> None:
    async with shown(approval(HARMLESS, clock)) as show:
        clock.now += 0.4
        await show.press("enter")
        assert show.is_open
        clock.now += 0.4
        await show.press("enter")
        assert show.is_open, "the early key started the time anew"
        clock.now += 0.6
        await show.press("enter")
        assert isinstance(show.result, Approve)


async def test_a_burst_of_type_ahead_never_gets_through(clock: Clock) -> None:
    async with shown(approval(HARMLESS, clock)) as show:
        for key in "yes please":
            clock.now += 0.3
            await show.type(key)
            await show.press("enter")
        assert show.is_open


async def test_destructive_steps_want_the_targets_name(clock: Clock) -> None:
    async with shown(approval(DEPLOY, clock)) as show:
        await to_the_end(show, clock)
        await show.press("enter")
        assert show.is_open
        assert "type production to approve" in show.text()
        await show.type("staging")
        await show.press("enter")
        assert show.is_open
        await show.press(*["backspace"] * len("staging"))
        await show.type("production")
        await show.press("enter")
        assert show.result == Approve(
            request="q1", hash="h" * 64, steps={"3": step_hash(DEPLOY.step("3"), CATALOG)}, how="key"
        )


async def test_the_name_is_typed_right_after_the_end_was_shown(clock: Clock) -> None:
    async with shown(approval(DEPLOY, clock)) as show:
        clock.now += 60
        await show.press("G")
        clock.now += 1
        await show.type("production")
        await show.press("enter")
        assert isinstance(show.result, Approve)


async def test_keys_on_their_way_when_the_name_is_asked_for_are_dropped(clock: Clock) -> None:
    async with shown(approval(DEPLOY, clock)) as show:
        clock.now += 60
        await show.press("G")
        await show.type("production")
        await show.press("enter")
        clock.now += 1
        await show.press("enter")
        assert show.is_open
        assert show.screen.query_one(TypedWord).value == ""


async def test_letters_that_do_not_begin_the_name_still_scroll_and_reject(clock: Clock) -> None:
    async with shown(approval(DEPLOY, clock), size=(140, 120)) as show:
        field = show.screen.query_one(TypedWord)
        assert field.has_focus, "everything is on the screen at once"
        clock.now += 1
        await show.press("G", "g", "j", "space")
        assert field.value == ""
        await show.type("production")
        assert field.value == "production"
        await show.type("x")
        assert field.value == "productionx"
        await show.press("backspace", "enter")
        assert isinstance(show.result, Approve)


async def test_x_rejects_also_while_the_name_is_asked_for(clock: Clock) -> None:
    async with shown(approval(DEPLOY, clock), size=(140, 120)) as show:
        clock.now += 1
        await show.press("x")
        assert type(show.app.screen).__name__ == "AskText"


async def test_the_text_can_be_read_again_while_the_name_is_typed(clock: Clock) -> None:
    async with shown(approval(DEPLOY, clock)) as show:
        clock.now += 60
        await show.press("G")
        end = show.screen.query_one(Reading).scroll_offset.y
        await show.press("pageup")
        assert show.screen.query_one(Reading).scroll_offset.y < end
        assert show.screen.query_one(TypedWord).has_focus


async def test_the_share_that_was_on_the_screen_is_the_true_one(clock: Clock) -> None:
    async with shown(approval(LONG, clock)) as show:
        reading = show.screen.query_one(Reading)
        whole, room = reading.virtual_size.height, reading.scrollable_content_region.height
        assert f"{int(100 * room / whole)} % shown" in show.text()
        await show.press("pagedown", "g")
        assert f"{int(100 * 2 * room / whole)} % shown" in show.text()


async def test_the_right_name_alone_does_not_approve_what_was_not_read(clock: Clock) -> None:
    async with shown(approval(DEPLOY, clock)) as show:
        clock.now += 60
        await show.press("tab")
        await show.type("production")
        await show.press("enter")
        assert show.is_open


async def test_without_a_target_the_runs_name_is_typed(clock: Clock) -> None:
    plan = Plan(steps=(Step(id="1", action="erase"),))
    async with shown(approval(plan, clock, Catalog(tools={"erase": ERASE}))) as show:
        await to_the_end(show, clock)
        await show.press("enter")
        await show.type("4f1c")
        await show.press("enter")
        assert isinstance(show.result, Approve)


async def test_pasted_text_is_refused(clock: Clock) -> None:
    async with shown(approval(DEPLOY, clock)) as show:
        await to_the_end(show, clock)
        await show.press("enter")
        field = show.screen.query_one(Input)
        assert field.has_focus
        show.app.post_message(events.Paste("production\n"))
        await show.pilot.pause()
        await show.press("ctrl+v", "enter")
        assert field.value == ""
        assert show.is_open


async def test_no_click_approves(clock: Clock) -> None:
    async with shown(approval(HARMLESS, clock)) as show:
        clock.now += 60
        for y in range(3, 24, 4):
            await show.pilot.click(offset=(30, y))
        await show.pilot.click("#verdict", times=2)
        assert show.is_open


async def test_no_action_of_the_screen_approves(clock: Clock) -> None:
    async with shown(approval(HARMLESS, clock)) as show:
        clock.now += 60
        for name in dir(show.screen):
            if name.startswith("action_") and "approve" in name:
                pytest.fail(f"{name} could be run by a click on marked-up text")
        bound = {binding.key for _, binding in show.screen._bindings}
        assert "enter" not in bound


async def test_escape_is_not_now(clock: Clock) -> None:
    async with shown(approval(DEPLOY, clock)) as show:
        await show.press("escape")
        assert show.result is None


async def test_x_rejects_with_a_reason(clock: Clock) -> None:
    async with shown(approval(HARMLESS, clock)) as show:
        await show.press("x")
        assert "The run ends as rejected" in show.text()
        await show.type("not on a Friday")
        await show.press("enter")
        assert show.result == Deny(request="q1", reason="not on a Friday")


async def test_escape_from_the_reason_goes_back_to_reading(clock: Clock) -> None:
    async with shown(approval(HARMLESS, clock)) as show:
        await show.press("x", "escape")
        assert show.is_open
        assert show.app.screen is show.screen


async def test_the_command_stands_before_what_is_said_about_it(clock: Clock) -> None:
    plan = Plan(
        steps=(Step(id="1", action="remove_file", params={"file": "/srv"}, description="Tidy up a little"),)
    )
    async with shown(approval(plan, clock)) as show:
        lines = show.text().split("\n")
        (command,) = [n for n, line in enumerate(lines) if "rm -- /srv" in line]
        (words,) = [n for n, line in enumerate(lines) if "Tidy up a little" in line]
        assert command < words


async def test_the_steps_stand_in_the_order_in_which_they_run(clock: Clock) -> None:
    plan = Plan(
        steps=(
            Step(id="late", action="smoke_tests", params={"env": "x"}, depends_on=("early",)),
            Step(id="early", action="run_tests"),
        )
    )
    async with shown(approval(plan, clock)) as show:
        text = show.text()
        assert text.index("early run_tests") < text.index("late smoke_tests")


async def test_everything_that_decides_is_shown(clock: Clock) -> None:
    async with shown(approval(DEPLOY, clock), size=(100, 90)) as show:
        text = show.text()
    for part in (
        "pg_dump maindb > backup.sql",
        "/srv/backups",
        "PGHOST PGUSER",
        "PGPASSWORD",
        "rm -- backup.sql",
        "./deploy.sh production v2.3.1 --replicas=2",
        "at most 5 m",
        "Has the change window opened?",
        "./deploy.sh production --to previous",
        "a template: {step_4_result} is filled in when the step starts",
        "undoes 5 (the plan says so)",
        "1 destructive",
        "checked",
        "rollback covers",
    ):
        assert part in text


async def test_what_cannot_be_seen_is_spelled_out(clock: Clock) -> None:
    message = "fine\u202e\x1b[2J\u200b" + " " * 400 + "; rm -rf /"
    plan = Plan(steps=(Step(id="1", action="notify_team", params={"message": message}),))
    async with shown(approval(plan, clock)) as show:
        text = show.text()
    for part in ("<U+202E>", "␛[2J", "<U+200B>", "⟨400 spaces⟩", "rm -rf /"):
        assert part in text
    assert not {"\u202e", "\x1b", "\u200b"} & set(text)


async def test_markup_in_a_plan_is_text(clock: Clock) -> None:
    plan = Plan(
        goal="[@click=app.quit]deploy[/]",
        steps=(
            Step(
                id="1",
                action="notify_team",
                params={"message": "[/nope][bold]x"},
                description="[red]calm[/red]",
                gate=Gate(question="[blink]now?"),
            ),
        ),
    )
    async with shown(approval(plan, clock)) as show:
        text = show.text()
    for part in ("[@click=app.quit]deploy[/]", "[/nope][bold]x", "[red]calm[/red]", "[blink]now?"):
        assert part in text


async def test_a_long_command_is_shown_to_its_last_character(clock: Clock) -> None:
    message = "".join(chr(97 + n % 26) for n in range(2000)) + "THE-END"
    plan = Plan(steps=(Step(id="1", action="notify_team", params={"message": message}),))
    async with shown(approval(plan, clock), size=(80, 60)) as show:
        text = "".join(re.findall("[a-zA-Z-]", show.text()))
    assert message in text


async def test_findings_and_what_has_no_way_back_are_said_on_top(clock: Clock) -> None:
    state = drafted(Plan(goal="Wipe", steps=(Step(id="1", action="wipe"),)), WIPING)
    async with shown(ApprovalScreen(request_of(state), state, clock=clock)) as show:
        text = show.text()
    assert "1 irreversible" in text
    assert "rollback covers 0/1" in text
    (checked,) = [line for line in text.split("\n") if "checked" in line]
    assert "error" in checked or "warning" in checked


def test_the_approval_says_of_the_reach_what_the_line_above_the_keys_says() -> None:
    clerk = ToolSpec(name="clerk", agent=Agent(tools=("backup_database",)), risk=Risk.REVERSIBLE)
    catalog = Catalog(tools={**CATALOG.tools, "clerk": clerk})
    steps = (*DEPLOY.steps, Step(id="6", action="clerk", params={"task": "mend it"}))
    state = drafted(DEPLOY.model_copy(update={"steps": steps}), catalog)
    brief = Brief(request_of(state), state, None)
    (reach,) = (
        row.text.plain
        for block in brief.blocks()
        for row in block.rows
        if row.label.plain.startswith("reach")
    )
    assert state.plan is not None
    line = look_at(Question(state.plan, catalog)).blast
    assert "rollback covers 4/4" in reach
    assert line.startswith(reach.partition(" · secrets")[0])


async def test_an_unknown_tool_is_loud_and_destructive(clock: Clock) -> None:
    plan = Plan(steps=(Step(id="1", action="nobody_knows", params={"a": 1}),))
    async with shown(approval(plan, clock)) as show:
        assert "unknown tool" in show.text()
        assert "type 4f1c to approve" in show.text()


def asking_resolved(approved: str, result: str) -> tuple[RunState, Step]:
    """A run that asks about a destructive template in its resolved form."""
    plan = Plan(
        steps=(
            Step(id="1", action="run_tests"),
            Step(
                id="2",
                action="deploy",
                params={"env": "production", "tag": "{step_1_result}"},
                depends_on=("1",),
            ),
        )
    )
    hash_ = resolved_hash(plan.step("2"), {"env": "production", "tag": approved}, CATALOG)
    state = running(
        plan,
        ev.StepMarkedDone(step="1", by="ada", result=result),
        ev.StepHeld(step="2"),
        ev.ApprovalRequested(request="q9", scope="step", hash=hash_, step="2"),
    )
    return state, plan.step("2")


async def test_a_step_that_asks_is_shown_in_its_resolved_form(clock: Clock) -> None:
    state, _ = asking_resolved("v7", "v7")
    async with shown(ApprovalScreen(request_of(state), state, clock=clock)) as show:
        assert "./deploy.sh production v7" in show.text()
        await to_the_end(show, clock)
        await show.press("enter")
        await show.type("production")
        await show.press("enter")
        assert isinstance(show.result, Approve)
        assert show.result.hash == request_of(state).hash


async def test_what_is_not_what_would_run_cannot_be_approved(clock: Clock) -> None:
    state, _ = asking_resolved("v7", "v8")
    async with shown(ApprovalScreen(request_of(state), state, clock=clock)) as show:
        await to_the_end(show, clock)
        await show.press("enter")
        assert "cannot be shown here" in show.text()
        await show.press("tab")
        await show.type("production")
        await show.press("enter")
        assert show.is_open


async def test_finished_steps_are_not_approved_again(clock: Clock) -> None:
    again = ev.ApprovalRequested(request="q2", scope="plan", hash="i" * 64)
    state = running(DEPLOY, *succeeded("1"), *succeeded("2"), *succeeded("3"), again)
    async with shown(ApprovalScreen(request_of(state), state, clock=clock), size=(140, 50)) as show:
        text = show.text()
        assert "3 deploy (succeeded)" in text
        assert "./deploy.sh production v2.3.1" not in text
        clock.now += 1
        await show.press("enter")
        assert show.result == Approve(request="q2", hash="i" * 64, steps={}, how="key")


def revision_after_a_failure(*steps: Step) -> RunState:
    """Step 3 of the deployment failed; `steps` are proposed after the first three."""
    proposed = DEPLOY.model_copy(update={"steps": (*DEPLOY.steps[:3], *steps)})
    story = [*succeeded("1"), *succeeded("2"), *failed("3")]
    return running(
        DEPLOY,
        *story,
        ev.ReplanStarted(planner="offline", step="3"),
        ev.RevisionProposed(plan=proposed, hash="r" * 64, reason="it failed", planner="offline"),
        ev.ApprovalRequested(request="q3", scope="revision", hash="r" * 64),
    )


async def test_a_failed_step_that_a_revision_goes_round_is_not_said_to_run(clock: Clock) -> None:
    tell = Step(id="6", action="smoke_tests", params={"env": "production"}, depends_on=("2",))
    state = revision_after_a_failure(tell)
    screen = ApprovalScreen(request_of(state), state, clock=clock)
    async with shown(screen, size=(140, 50)) as show:
        assert "3 deploy (failed; the revision goes on" in show.text()
        assert "$ ./deploy.sh production v2.3.1" not in show.text()
        clock.now += 1
        assert [step.id for step in screen.brief.steps] == ["6"]
        await show.press("enter")
        assert show.result == Approve(request="q3", hash="r" * 64, steps={}, how="key")


async def test_a_failed_step_that_a_revision_needs_is_said_to_run_again(clock: Clock) -> None:
    again = Step(id="6", action="smoke_tests", params={"env": "production"}, depends_on=("3",))
    state = revision_after_a_failure(again)
    async with shown(ApprovalScreen(request_of(state), state, clock=clock), size=(140, 50)) as show:
        assert "goes on without it" not in show.text()
        assert "$ ./deploy.sh production v2.3.1" in show.text()


async def test_resizing_does_not_lose_the_end(clock: Clock) -> None:
    async with shown(approval(LONG, clock)) as show:
        clock.now += 60
        await show.pilot.resize_terminal(100, 400)
        await show.pilot.pause()
        assert show.screen.query_one(Reading).end_shown
        await show.press("enter")
        assert isinstance(show.result, Approve)


async def test_held_steps_are_said_to_wait_with_what_waits_for_them(clock: Clock) -> None:
    state = drafted(DEPLOY, CATALOG, ev.StepHeld(step="4", by="ada", reason="by the operator"))
    async with shown(ApprovalScreen(request_of(state), state, clock=clock), size=(120, 40)) as show:
        line = next(line for line in show.text().splitlines() if "start when they are released" in line)
    assert "held" in line
    assert "4 " in line
    assert "5 waits for that" in line


async def test_in_ascii_no_command_that_is_approved_looks_like_another() -> None:
    """AsciiOnly, which every painted line goes through, makes `>` of an arrow."""
    command = Row(Content(""), Content.styled("cat a → b", "bold"), exact=True)
    words = Row(Content(""), Content("a → b"))

    class Ascii(App[None]):
        options = SimpleNamespace(ascii=True)

        def compose(self) -> ComposeResult:
            yield Rows([command, words])

    async with Ascii().run_test() as pilot:
        drawn = pilot.app.query_one(Rows).render().plain
        assert drawn == "$ cat a \\u2192 b\na → b"
