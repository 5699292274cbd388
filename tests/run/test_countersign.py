"""Two persons for one approval, on a virtual clock: who counts, what is refused, what starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from console.catalog.spec import Catalog, Parameter, Risk
from console.errors import ControlRefused
from console.plan.model import Step
from console.run import control as c
from console.run import events as ev
from console.run.approval import step_hash
from console.run.engine import Engine
from console.run.life import RunStatus
from console.run.policy import Policy, Rule
from console.run.standing import Request
from console.runners.backend import Spec
from console.testing import Play
from tests.run.harness import YES, World, catalog, plan, run, step, tool, until

DESTRUCTIVE = Rule(require=2, risk=Risk.DESTRUCTIVE)
ATTENDED = Policy(rules=(DESTRUCTIVE,))


def yes(request: Request, engine: Engine, kind: type[c.Approve] = c.Approve) -> c.Approve:
    state = engine.state
    steps = {s.id: step_hash(s, state.catalog) for s in state.leaves.values() if s.action == "wipe"}
    return kind(request=request.id, hash=request.hash, steps=steps)


async def asked(engine: Engine, scope: str = "plan") -> Request:
    await until(engine, lambda s: any(r.scope == scope for r in s.requests.values()))
    return next(r for r in engine.state.requests.values() if r.scope == scope)


def test_nothing_starts_before_two_persons_have_said_yes(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", "wipe")), policy=ATTENDED)

    async def operate(engine: Engine) -> None:
        request = await asked(engine)
        assert request.persons == 2
        await engine.wish(yes(request, engine), by="ada (pts/1)", person="ada")
        assert engine.state.status is RunStatus.AWAITING_APPROVAL
        assert world.backend.started == []
        await engine.wish(yes(request, engine, c.Countersign), by="bob (pts/2)", person="bob")

    assert run(world, operate).status is RunStatus.SUCCEEDED
    assert world.events(ev.Approved)[0].persons == ("ada", "bob")
    told = world.told
    assert told.index("countersigned") < told.index("approved") < told.index("step_intended 1")


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ("ada", "ada has approved this already; another person must"),
        ("", "the system does not say who you are"),
        ("key of ada", "could be one person"),
    ],
)
def test_the_same_person_again_or_nobody_known_is_refused(tmp_path: Path, second: str, why: str) -> None:
    world = World(tmp_path, plan(step("1", "wipe")), policy=ATTENDED)

    async def operate(engine: Engine) -> None:
        request = await asked(engine)
        await engine.wish(yes(request, engine), by="ada (pts/1)", person="ada")
        with pytest.raises(ControlRefused, match=why):
            await engine.wish(yes(request, engine, c.Countersign), by="bob, or so", person=second)
        await engine.wish(c.Deny(request=request.id), by="bob")

    assert run(world, operate).status is RunStatus.REJECTED
    assert world.backend.started == []


def test_who_looks_on_countersigns_only_what_somebody_has_approved(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", "wipe")), policy=ATTENDED)

    async def operate(engine: Engine) -> None:
        request = await asked(engine)
        with pytest.raises(ControlRefused, match="nobody has approved this yet"):
            await engine.wish(yes(request, engine, c.Countersign), by="bob", person="bob")
        await engine.wish(c.Stop(), by="ada")

    assert run(world, operate).status is RunStatus.STOPPED


def test_two_keys_are_two_persons_and_their_signatures_are_kept(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", "wipe")), policy=ATTENDED)

    async def operate(engine: Engine) -> None:
        request = await asked(engine)
        for name in ("ada", "bob"):
            said = yes(request, engine, c.Countersign).model_copy(update={"signature": f"by {name}"})
            await engine.wish(said, by=name, person=f"key of {name}")

    assert run(world, operate).status is RunStatus.SUCCEEDED
    assert [e.signature for e in world.events(ev.Countersigned)] == ["by ada"]
    assert [e.signature for e in world.events(ev.Approved)] == ["by bob"]


def test_an_edit_between_the_two_voids_the_first(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", "wipe")), policy=ATTENDED)

    async def operate(engine: Engine) -> None:
        request = await asked(engine)
        await engine.wish(yes(request, engine), by="ada", person="ada")
        changed = plan(step("1", "wipe"), step("2", "work", "1"))
        await engine.wish(c.ChangePlan(plan=changed, revision=engine.state.revision, summary=""), by="ada")
        with pytest.raises(ControlRefused, match="not open any more"):
            await engine.wish(yes(request, engine, c.Countersign), by="bob", person="bob")
        again = await asked(engine)
        assert again.signed is None
        await engine.wish(yes(again, engine), by="bob", person="bob")
        assert world.backend.started == []
        await engine.wish(yes(again, engine, c.Countersign), by="ada", person="ada")

    assert run(world, operate).status is RunStatus.SUCCEEDED


def test_one_person_is_enough_for_what_no_rule_is_about(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", "work")), policy=ATTENDED)

    async def operate(engine: Engine) -> None:
        await engine.wish(yes(await asked(engine), engine), by="ada", person="")

    assert run(world, operate).status is RunStatus.SUCCEEDED
    assert world.events(ev.Countersigned) == []


def test_what_was_agreed_to_beforehand_is_one_person_s_word(tmp_path: Path) -> None:
    policy = Policy(consent=YES, unattended=True, rules=(DESTRUCTIVE,))
    world = World(tmp_path, plan(step("1", "wipe")), policy=policy)
    state = run(world)
    assert state.status is RunStatus.REJECTED
    assert state.finished is not None
    assert "the policy asks for two persons" in state.finished.reason
    assert world.backend.started == []


def test_a_destructive_step_asks_two_persons_again_in_its_resolved_form(tmp_path: Path) -> None:
    wipe = tool("wipe", Risk.DESTRUCTIVE, parameters=(Parameter(name="disk"),))
    disk = step("2", "wipe", "1", params={"disk": "{step_1_result}"})
    world = World(tmp_path, plan(step("1"), disk), catalog(wipe), policy=ATTENDED)

    async def operate(engine: Engine) -> None:
        for scope in ("plan", "step"):
            request = await asked(engine, scope)
            assert request.persons == 2
            await engine.wish(yes(request, engine), by="ada", person="ada")
            assert "r/2/1" not in world.backend.started
            await engine.wish(yes(request, engine, c.Countersign), by="bob", person="bob")

    assert run(world, operate).status is RunStatus.SUCCEEDED
    assert [e.scope for e in world.events(ev.Countersigned)] == ["plan", "step"]


# ── which steps a rule is about ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rule", "params", "fits"),
    [
        (Rule(2), {}, True),
        (Rule(2, risk=Risk.DESTRUCTIVE), {}, False),
        (Rule(2, risk=Risk.REVERSIBLE), {}, True),
        (Rule(2, actions=("wo*",)), {}, True),
        (Rule(2, actions=("wipe",)), {}, False),
        (Rule(2, on=("web-*",)), {}, True),
        (Rule(2, on=("local",)), {}, False),
        (Rule(2, params={"env": ("prod*",)}), {"env": "production"}, True),
        (Rule(2, params={"env": ("prod*",)}), {"env": "staging"}, False),
        (Rule(2, params={"env": ("prod*",)}), {"env": "{step_0_result}"}, True),
        (Rule(2, params={"force": ("true",)}), {"force": True}, True),
        (Rule(2, params={"env": ("prod*",)}), {}, False),
        (Rule(2, actions=("work",), on=("db-*",)), {}, False),
    ],
)
def test_a_rule_is_about_a_step_that_everything_given_fits(
    rule: Rule, params: dict[str, object], fits: bool
) -> None:
    assert rule.fits(Step(id="1", action="work", on="web-1", params=params), catalog()) is fits


def test_the_strictest_rule_that_fits_counts() -> None:
    policy = Policy(rules=(Rule(2, actions=("work",)), Rule(1), DESTRUCTIVE))
    assert policy.persons(step("1", "work"), catalog()) == 2
    assert policy.persons(step("1", "look"), catalog()) == 1


# ── a policy that changes ────────────────────────────────────────────────────────────────────────


@dataclass
class Changing(World):
    """A world whose policy files change when a step touches them."""

    change: str = ""
    loaded: ev.PolicyLoaded = field(
        default_factory=lambda: ev.PolicyLoaded(hash="one", files=("policy.yaml",))
    )

    def engine(self) -> Engine:
        engine = super().engine()
        engine.setup = replace(engine.setup, loaded=self.loaded, policy_changed=lambda: self.change)
        return engine


def writing(world: Changing) -> Callable[[Spec], Play]:
    """Step 1 writes to the policy."""

    def play(spec: Spec) -> Play:
        if "/1/" in spec.key:
            world.change = "the policy file policy.yaml was changed"
        return Play()

    return play


def test_a_step_that_writes_to_the_policy_halts_the_run(tmp_path: Path) -> None:
    world = Changing(tmp_path, plan(step("1"), step("2", "work", "1")))
    world.backend.script = writing(world)
    state = run(world)
    assert (state.status, world.backend.started) == (RunStatus.STOPPED, ["r/1/1"])
    assert state.finished is not None
    assert "policy.yaml was changed" in state.finished.reason


def test_with_somebody_there_it_pauses_and_goes_on_when_the_policy_is_back(tmp_path: Path) -> None:
    world = Changing(tmp_path, plan(step("1"), step("2", "work", "1")), policy=Policy(consent=YES))
    world.backend.script = writing(world)

    async def operate(engine: Engine) -> None:
        await until(engine, lambda s: s.status is RunStatus.PAUSED)
        for wish in (c.Continue(), c.Retry(step="1")):
            with pytest.raises(ControlRefused, match=r"policy\.yaml was changed"):
                await engine.wish(wish, by="ada")
        world.change = ""
        await engine.wish(c.Continue(), by="ada")

    assert run(world, operate).status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/1/1", "r/2/1"]


def test_a_run_that_is_taken_up_under_another_policy_asks_again(tmp_path: Path) -> None:
    world = Changing(tmp_path, plan(step("1"), step("2", "wipe", "1")), policy=Policy())

    async def begin(engine: Engine) -> None:
        await engine.wish(yes(await asked(engine), engine), by="ada", person="ada")
        await until(engine, lambda s: bool(s.steps["1"].attempts))
        await engine.wish(c.Pause(), by="ada")
        await engine.wish(c.Stop(), by="ada")

    world.plays = {"1": Play(seconds=50)}
    run(world, begin)
    world.policy, world.reopen, world.plays = ATTENDED, "ada", {}
    world.loaded = ev.PolicyLoaded(hash="two", files=("policy.yaml",), rules=1)

    async def go_on(engine: Engine) -> None:
        await until(engine, lambda s: s.status is RunStatus.PAUSED)
        await engine.wish(c.Retry(step="1"), by="ada")
        await engine.wish(c.Continue(), by="ada")
        request = await asked(engine)
        assert request.persons == 2
        await engine.wish(yes(request, engine), by="ada", person="ada")
        await engine.wish(yes(request, engine, c.Countersign), by="bob", person="bob")

    assert run(world, go_on).status is RunStatus.SUCCEEDED
    assert [e.hash for e in world.events(ev.PolicyLoaded)] == ["one", "two"]


def test_a_catalog_is_needed_to_tell_the_risk_of_a_step() -> None:
    assert DESTRUCTIVE.fits(step("1", "unheard_of"), Catalog())
    assert not DESTRUCTIVE.fits(step("1", "calm"), catalog(tool("calm")))
