"""Words that change the revision that waits for an answer."""

from __future__ import annotations

from console.commands.words.editing import fitting
from console.commands.words.looking import parts_of
from console.commands.words.word import UNCHANGED, Desk, plan_of, split, taken_in
from console.errors import ControlRefused
from console.plan.hunks import without
from console.plan.model import Plan
from console.run.control import Propose


async def revise(desk: Desk, _: str) -> None:
    parts_of(desk.state)
    proposal = desk.state.proposal
    assert proposal is not None, "it has parts"

    async def take(new: Plan) -> None:
        fitting(desk, new)
        await desk.wish(Propose(plan=new, instead=proposal.hash))

    await desk.in_editor(proposal.plan, take)


async def leave_out(desk: Desk, rest: str) -> None:
    parts, proposal = parts_of(desk.state), desk.state.proposal
    assert proposal is not None, "it has parts"
    numbers = split(rest, "the number of a part")
    if not all(n.isdecimal() and 1 <= int(n) <= len(parts) for n in numbers):
        raise ControlRefused(f"there are the parts 1 to {len(parts)}", kept=UNCHANGED, todo="Type diff")
    left = {parts[int(n) - 1] for n in numbers}
    if len(left) == len(parts):
        raise ControlRefused("no part would be left", kept=UNCHANGED, todo="Answer n to reject it")
    plan = without(plan_of(desk.state), proposal.plan, left)
    await taken_in(desk, Propose(plan=plan, instead=proposal.hash))
