"""Backups, proofs and ways back by tools' names and by the plan's own word, and how far a plan reaches."""

from __future__ import annotations

import pytest

from console.catalog.spec import Catalog
from console.plan.check import Finding, apply_fix, blast_radius, check
from console.plan.codec import load
from tests.planners.seed_loader import catalog_of

NAMES = catalog_of(
    """
tools:
  - {name: backup_site, risk: observe, parameters: [&to {name: to}]}
  - {name: wipe_site, risk: destructive, parameters: [*to]}
  - {name: wipe_cache, risk: destructive}
  - {name: deploy_site, risk: disruptive}
  - {name: deploy_mail, risk: disruptive}
  - {name: check_site, risk: observe}
  - {name: restore_site, risk: disruptive, recovery: true, parameters: [*to]}
"""
)


def found(steps: str, code: str, catalog: Catalog = NAMES) -> list[Finding]:
    return [f for f in check(load(steps), catalog) if f.code == code]


# ── backups ──────────────────────────────────────────────────────────────────────────────────────


def test_a_backup_by_its_name_counts_when_it_is_waited_for() -> None:
    steps = "steps: [{id: 1, action: backup_site}, {id: 2, action: wipe_site%s}]"
    assert found(steps % ", depends_on: [1]", "no-backup") == []
    [finding] = found(steps % "", "no-backup")
    assert finding.message == "it is destructive and does not wait for the backup of step 1"
    assert apply_fix(load(steps % ""), finding).step("2").depends_on == ("1",)


def test_a_tool_that_by_its_name_would_back_it_up_is_a_note() -> None:
    [finding] = found("steps: [{id: 1, action: wipe_site}, {id: 2, action: wipe_cache}]", "no-backup")
    assert (finding.step, finding.severity, finding.fix) == ("1", "note", None)
    assert finding.message == "it is destructive and there is backup_site, but no backup comes before it"


# ── proofs ───────────────────────────────────────────────────────────────────────────────────────

PROVEN = catalog_of(
    """
tools:
  - {name: name_it, risk: observe}
  - name: ship
    risk: reversible
    provides: [shipped $app]
    verify: probe
    parameters: [&app {name: app, required: true}]
  - {name: probe, risk: observe, parameters: [*app]}
  - {name: sign, risk: reversible, provides: [signed $app], verify: notarised $app, parameters: [*app]}
"""
)


@pytest.mark.parametrize("proof", ["web", "{step_1_result}"])
def test_a_call_of_the_proving_tool_for_the_same_thing_proves(proof: str) -> None:
    steps = f"""
steps:
  - {{id: 1, action: name_it}}
  - {{id: 2, action: ship, params: {{app: web}}}}
  - {{id: 3, action: probe, params: {{app: "{proof}"}}, depends_on: [1, 2]}}
"""
    assert found(steps, "unverified-effect", PROVEN) == []


def test_a_call_of_the_proving_tool_for_something_else_proves_nothing() -> None:
    steps = """
steps:
  - {id: 2, action: ship, params: {app: web}}
  - {id: 3, action: probe, params: {app: mail}, depends_on: [2]}
"""
    [finding] = found(steps, "unverified-effect", PROVEN)
    assert (finding.step, finding.message) == ("2", "nothing proves its effect by probe")
    mended = apply_fix(load(steps), finding)
    assert mended.step("4").params == {"app": "web"}
    assert mended.step("4").depends_on == ("2",)


def test_a_proof_that_does_not_wait_is_made_to() -> None:
    steps = "steps: [{id: 2, action: ship, params: {app: web}}, {id: 3, action: probe, params: {app: web}}]"
    [finding] = found(steps, "unverified-effect", PROVEN)
    assert finding.message == "its effect is not proved by probe: step 3 does not wait for it"
    assert apply_fix(load(steps), finding).step("3").depends_on == ("2",)


def test_a_proof_that_no_tool_gives_is_a_note() -> None:
    [finding] = found("steps: [{id: 1, action: sign, params: {app: web}}]", "unverified-effect", PROVEN)
    assert (finding.severity, finding.fix) == ("note", None)
    assert finding.message == "no tool proves its effect (notarised web)"


def test_a_tool_that_by_its_name_would_look_at_the_effect_is_a_note() -> None:
    [finding] = found(
        "steps: [{id: 1, action: deploy_site}, {id: 2, action: deploy_mail}]", "unverified-effect"
    )
    assert (finding.step, finding.severity) == ("1", "note")
    assert finding.message == "nothing looks at its effect; check_site might"
    looked = "steps: [{id: 1, action: deploy_site}, {id: 2, action: check_site, depends_on: [1]}]"
    assert found(looked, "unverified-effect") == []


# ── the way back ─────────────────────────────────────────────────────────────────────────────────

BACK = catalog_of(
    """
tools:
  - {name: look, risk: observe}
  - {name: note_down, risk: reversible, undo: {action: look}}
  - {name: shout, risk: reversible}
  - {name: start, risk: disruptive, provides: [running $app], parameters: [&app {name: app, required: true}]}
  - name: halt
    risk: disruptive
    recovery: true
    requires: [reachable $app]
    removes: [running $app]
    parameters: [*app]
  - {name: reach, risk: observe, provides: [reachable $app], parameters: [*app]}
agents:
  - {name: clerk, tools: [look, note_down], risk: reversible}
  - {name: crier, tools: [look, shout], risk: reversible}
  - {name: reader, tools: [look, shout]}
"""
)


def test_an_agent_is_undone_when_each_call_it_may_make_unasked_is() -> None:
    def covered(agent: str) -> tuple[int, int]:
        plan = load(f"steps: [{{id: 1, action: {agent}, params: {{task: x}}}}]")
        radius = blast_radius(plan, BACK)
        return radius.covered, radius.effects

    assert covered("clerk") == (1, 1)
    assert covered("crier") == (0, 1)
    assert covered("reader") == (0, 0)


START = "steps: [{id: 1, action: start, params: {app: web}}, {id: 2, action: start, params: {app: mail}}]\n"


def test_a_rollback_undoes_the_steps_it_names_and_no_others() -> None:
    plan = START + 'rollback: [{action: halt, params: {app: "*"}, undoes: [2]}]'
    assert [f.step for f in found(plan, "no-way-back", BACK)] == ["1"]


def test_a_rollback_that_names_no_steps_undoes_those_whose_effect_it_ends() -> None:
    plan = START + "rollback: [{action: halt, params: {app: web}}]"
    assert [f.step for f in found(plan, "no-way-back", BACK)] == ["2"]


def test_a_recovery_tool_that_ends_the_effect_is_offered_as_the_undo() -> None:
    finding, _ = found(START, "no-way-back", BACK)
    undo = apply_fix(load(START), finding).step("1").undo
    assert undo is not None
    assert (undo.action, undo.params) == ("halt", {"app": "web"})


@pytest.mark.parametrize(
    ("app", "missed"),
    [
        ("web", ["halt, which would undo it, needs reachable web, which no step provides"]),
        ("{step_3_result}", []),
    ],
)
def test_what_a_rollback_needs_is_missed_unless_only_the_run_will_name_it(
    app: str, missed: list[str]
) -> None:
    plan = f"""
steps:
  - {{id: 3, action: look}}
  - {{id: 1, action: start, params: {{app: web}}, depends_on: [3]}}
rollback: [{{action: halt, params: {{app: "{app}"}}}}]
"""
    assert [f.message for f in found(plan, "rollback-cannot-work", BACK)] == missed


def test_a_rollback_that_is_tied_to_no_step_needs_only_some_step_that_provides() -> None:
    reach, rollback = "action: reach, params: {app: mail}", "rollback: [{action: halt, params: {app: mail}}]"
    plan = f"steps: [{{id: 1, {reach}}}]\n{rollback}"
    assert found(plan, "rollback-cannot-work", BACK) == []
    [finding] = found(plan.replace(reach, "action: look"), "rollback-cannot-work", BACK)
    assert finding.step == ""


def test_a_restore_without_any_backup_may_find_none() -> None:
    plan = "steps: [{id: 1, action: wipe_site}]\nrollback: [{action: restore_site}]"
    [finding] = found(plan, "rollback-cannot-work")
    assert (finding.step, finding.severity) == ("1", "note")
    assert finding.message == (
        "restore_site, which would undo it, may find no backup: no step calls backup_site"
    )


# ── reach ────────────────────────────────────────────────────────────────────────────────────────


def test_the_blast_radius_names_hosts_and_takes_unknown_tools_for_destructive() -> None:
    plan = load("""
steps:
  - {id: 1, action: none, params: {text: begin}}
  - {id: 2, action: deploy_site, "on": web1}
  - {id: 3, action: nobody_knows_it, "on": web2}
  - {id: 4, action: deploy_site, "on": web1}
""")
    radius = blast_radius(plan, NAMES)
    assert radius.touches == ("web1", "web2")
    assert (radius.destructive, radius.irreversible) == (("3",), ("3",))
    assert (radius.steps, radius.effects) == (4, 3)
