"""Words that wish something of the run, its steps, and who holds the control."""

from __future__ import annotations

from typing import Any

from console.commands.common import say
from console.commands.steer import lines_of
from console.commands.words.foresight import tell_what_if
from console.commands.words.word import UNCHANGED, Desk, needed, taken_in
from console.errors import ControlRefused
from console.run import control as c
from console.run.control import Wish
from console.run.events import RollbackPlan


async def hold(desk: Desk, step: str) -> None:
    await _and_then(desk, c.Hold(step=needed(step)))


async def release(desk: Desk, step: str) -> None:
    await _and_then(desk, c.Release(step=needed(step)))


async def _and_then(desk: Desk, wish: Wish) -> None:
    """Say a wish, and what it comes to."""
    await taken_in(desk, wish)
    await tell_what_if(desk)


async def done(desk: Desk, rest: str) -> None:
    step, _, result = needed(rest).partition(" ")
    await desk.wish(c.MarkDone(step=step, result=result.strip() or None))


async def changes(desk: Desk, words: str) -> None:
    await desk.wish(c.Replan(words=needed(words, "what should be changed, in words")))


async def decline(desk: Desk, words: str) -> None:
    await desk.wish(c.DeclineRollback(reason=words))


async def stop(desk: Desk, _: str) -> None:
    if await desk.confirm("stop the run here? Running steps are cancelled, nothing is undone."):
        await desk.wish(c.Stop(reason="typed by the operator"))
    else:
        say("the run goes on")


async def rollback(desk: Desk, back_to: str) -> None:
    answer = await desk.wish(c.PreviewRollback(back_to=back_to or None))
    shown = RollbackPlan.model_validate(answer["rollback"])
    if not any(item.fate == "planned" for item in shown.items):
        raise ControlRefused("there is nothing that could be undone", kept=UNCHANGED)
    for line in lines_of(shown, desk.state):
        say(line)
    if await desk.confirm("roll back?"):
        await taken_in(desk, c.RollBack(hash=answer["hash"], back_to=back_to or None))
    else:
        say("nothing was rolled back")


async def detach(desk: Desk, _: str) -> None:
    desk.leave()


# ── who holds the control ────────────────────────────────────────────────────────────────────────


async def take(desk: Desk, _: str) -> None:
    await _shared(desk).take_control()


async def ask(desk: Desk, _: str) -> None:
    await _shared(desk).ask_control()


async def give(desk: Desk, _: str) -> None:
    await _shared(desk).answer_control(yes=True)


async def keep(desk: Desk, _: str) -> None:
    await _shared(desk).answer_control(yes=False)


def _shared(desk: Desk) -> Any:
    if not hasattr(desk.session, "take_control"):
        raise ControlRefused("the control is yours: the run is executed here")
    return desk.session
