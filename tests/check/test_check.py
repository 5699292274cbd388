"""What each finding is about, what it offers, and when the checker holds its tongue."""

from __future__ import annotations

import pytest

from console.catalog.contract import parse_fact
from console.catalog.spec import Catalog, Risk
from console.plan.check import Finding, apply_fix, blast_radius, check, point_of_no_return
from console.plan.codec import load
from console.plan.edit import DeleteStep, apply
from console.plan.model import Plan
from tests.planners.seed_loader import catalog_of

TOOLS = """
tools:
  - {name: dump, risk: observe, provides: [backup $db], parameters: [&db {name: db, required: true}]}
  - name: migrate
    parameters: [*db]
    risk: destructive
    requires: [tested $db]
    provides: [migrated $db]
    removes: [verified $db]
    writes: [db $db]
    verify: verified $db
    undo: {action: restore, params: {db: $db}}
  - {name: try_out, risk: observe, requires: [script $db], provides: [tested $db], parameters: [*db]}
  - {name: write_script, risk: reversible, provides: [script $db], parameters: [*db]}
  - {name: verify, risk: observe, requires: [migrated $db], provides: [verified $db], parameters: [*db]}
  - name: restore
    parameters: [*db]
    risk: disruptive
    recovery: true
    requires: [backup $db]
    removes: [migrated $db]
    writes: [db $db]
  - {name: vacuum, risk: reversible, provides: [compact $db], writes: [db $db], parameters: [*db]}
  - {name: drop_cache, risk: destructive, provides: [cold cache], writes: [cache all]}
  - {name: say, risk: reversible, provides: [told team], parameters: [{name: text, required: true}]}
"""

GOOD = """
steps:
  - {id: 1, action: write_script, params: {db: main}}
  - {id: 2, action: dump, params: {db: main}}
  - {id: 3, action: try_out, params: {db: main}, depends_on: [1]}
  - {id: 4, action: migrate, params: {db: main}, depends_on: [2, 3]}
  - {id: 5, action: verify, params: {db: main}, depends_on: [4]}
  - {id: 6, action: say, params: {text: done}, depends_on: [5]}
"""

CATALOG = catalog_of(TOOLS)


def spoilt(old: str, new: str) -> Plan:
    assert old in GOOD
    return load(GOOD.replace(old, new))


def lacking(step: str) -> Plan:
    return apply(load(GOOD), DeleteStep(step, rewire=True))


def only(plan: Plan, code: str, catalog: Catalog = CATALOG) -> Finding:
    found = [f for f in check(plan, catalog) if f.code == code]
    assert len(found) == 1, found
    return found[0]


def test_a_good_plan_has_no_findings() -> None:
    assert check(load(GOOD), CATALOG) == ()


def test_a_missing_provider_is_named_with_the_tool_that_would_do() -> None:
    bad = lacking("1")
    finding = only(bad, "unmet-requirement")
    assert (finding.step, finding.severity) == ("3", "warning")
    assert finding.message == "it needs script main, which no step provides (write_script would)"
    mended = apply_fix(bad, finding)
    assert mended.step("3").depends_on == ("7",)
    assert mended.step("7").action == "write_script"
    assert check(mended, CATALOG) == ()


def test_a_provider_that_is_not_waited_for_is_waited_for_by_the_fix() -> None:
    bad = spoilt("depends_on: [1]", "depends_on: []")
    finding = only(bad, "missing-dependency")
    assert finding.message == "it needs script main, which step 1 provides, but does not wait for it"
    mended = apply_fix(bad, finding)
    assert mended.step("3").depends_on == ("1",)
    assert mended.step("3").explain == {"1": "needs script main"}


def test_a_provider_behind_its_consumer_is_the_wrong_order() -> None:
    steps = "  - {id: 1, action: try_out, params: {db: main}}\n"
    bad = load(f"steps:\n{steps}  - {{id: 2, action: write_script, params: {{db: main}}, depends_on: [1]}}\n")
    assert only(bad, "wrong-order").step == "1"


def test_a_fact_that_may_end_too_early_is_protected_by_the_fix() -> None:
    bad = load(GOOD + "  - {id: 7, action: migrate, params: {db: main}, depends_on: [3, 4]}\n"
               "  - {id: 8, action: report, depends_on: [5]}\n")  # fmt: skip
    catalog = catalog_of(
        TOOLS, "tools: [{name: report, risk: observe, requires: [verified $db], vars: [db]}]"
    )
    at_risk = [f for f in check(bad, catalog) if f.code == "fact-at-risk"]
    assert [f.step for f in at_risk] == ["8"]
    assert apply_fix(bad, at_risk[0]).step("7").depends_on == ("3", "4", "8")


def test_a_destructive_step_wants_the_backup_first() -> None:
    bad = lacking("2")
    finding = only(bad, "no-backup")
    assert finding.message == "it is destructive and nothing has backed up db main before"
    assert apply_fix(bad, finding).step("7").action == "dump"
    assert only(bad, "rollback-cannot-work").message == (
        "restore, which would undo it, needs backup main, which no step provides"
    )


def test_a_backup_at_the_same_time_is_no_backup() -> None:
    finding = only(spoilt("depends_on: [2, 3]", "depends_on: [3]"), "no-backup")
    assert finding.message == "it is destructive and does not wait for the backup of step 2"


def test_an_effect_that_nothing_proves_gets_its_proof() -> None:
    bad = load(GOOD[: GOOD.index("  - {id: 5")])
    finding = only(bad, "unverified-effect")
    assert finding.message == "nothing proves its effect (verified main)"
    mended = apply_fix(bad, finding)
    assert [(s.id, s.action, s.depends_on) for s in mended.steps][-1] == ("5", "verify", ("4",))


def test_a_destructive_step_without_a_way_back_is_the_point_of_no_return() -> None:
    bad = load(GOOD + "  - {id: 7, action: drop_cache, depends_on: [6]}\n")
    assert only(bad, "no-way-back").step == "7"
    assert point_of_no_return(bad, CATALOG) == "7"
    assert point_of_no_return(load(GOOD), CATALOG) is None


def test_two_unordered_writers_are_put_in_order() -> None:
    bad = load(GOOD + "  - {id: 7, action: vacuum, params: {db: main}}\n")
    finding = only(bad, "unordered-writers")
    assert "both write db main" in finding.message
    assert not [f for f in check(apply_fix(bad, finding), CATALOG) if f.code == "unordered-writers"]


def test_an_order_nobody_needs_is_a_note_and_can_be_dropped() -> None:
    bad = spoilt(
        "{id: 2, action: dump, params: {db: main}}",
        "{id: 2, action: dump, params: {db: main}, depends_on: [1]}",
    )
    finding = only(bad, "needless-order")
    assert (finding.step, finding.severity) == ("2", "note")
    assert apply_fix(bad, finding) == load(GOOD)


def test_dropping_a_needless_order_keeps_what_was_waited_for_through_it() -> None:
    chain = load("""
steps:
  - {id: 1, action: write_script, params: {db: main}}
  - {id: 2, action: dump, params: {db: main}, depends_on: [1]}
  - {id: 3, action: try_out, params: {db: main}, depends_on: [2]}
  - {id: 4, action: say, params: {text: done}, depends_on: [3]}
""")
    finding = next(f for f in check(chain, CATALOG) if f.code == "needless-order" and f.step == "3")
    assert apply_fix(chain, finding).step("3").depends_on == ("1",)


@pytest.mark.parametrize(
    "value",
    [
        "AKIAIOSFODNN7EXAMPLE", "psql postgres://app:s3cr3t@db/main", "-----BEGIN RSA PRIVATE KEY-----",
        "mysql --password=hunter22", "Authorization: Bearer abcdefghij0123456789xyz",
        "x9Kq2LmZ8vTr4WnB7yHd3GfJ6sPc",
    ],
)  # fmt: skip
def test_secrets_are_found_and_not_repeated(value: str) -> None:
    bad = spoilt("{text: done}", '{text: "' + value + '"}')
    finding = only(bad, "secret-in-parameter")
    assert (finding.step, finding.severity) == ("6", "error")
    assert value not in finding.message


@pytest.mark.parametrize(
    "value",
    [
        "v2.3.1 deployed", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "/srv/releases/20240401000000/current",
        "the password was changed", "https://example.com/a/b?page=2", "{step_1_result}",
        "password=$DB_PASSWORD", "kubernetes-deployment-controller-manager",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)  # fmt: skip
def test_what_is_no_secret_is_left_alone(value: str) -> None:
    bad = spoilt("{text: done}", '{text: "' + value + '"}')
    assert not [f for f in check(bad, CATALOG) if f.code == "secret-in-parameter"]


def test_more_risk_than_was_asked_for_is_an_error() -> None:
    found = [
        f for f in check(load(GOOD), CATALOG, allowed_risk=Risk.REVERSIBLE) if f.code == "risk-above-asked"
    ]
    assert [(f.step, f.severity) for f in found] == [("4", "error")]


def test_a_goal_that_no_step_reaches_is_an_error() -> None:
    found = check(load(GOOD), CATALOG, want=[parse_fact("verified main"), parse_fact("compact main")])
    assert [(f.code, f.message) for f in found if f.severity == "error"] == [
        ("goal-not-reached", "no step provides compact main, which is wanted")
    ]


def test_several_steps_for_what_one_call_gives_are_a_note() -> None:
    found = check(load(GOOD), CATALOG, want=[parse_fact("told team")])
    assert "step 6, say, alone gives what was asked for" in [f.message for f in found]


def test_a_skipped_provider_provides_nothing() -> None:
    bad = spoilt(
        "{id: 1, action: write_script, params: {db: main}}",
        "{id: 1, action: write_script, params: {db: main}, enabled: false}",
    )
    assert only(bad, "unmet-requirement").step == "3"


def test_what_is_only_known_at_run_time_is_not_judged() -> None:
    late = spoilt(
        "{id: 5, action: verify, params: {db: main}",
        '{id: 5, action: verify, params: {db: "{step_2_result}"}',
    )
    assert check(late, CATALOG) == ()


def test_a_plan_with_a_cycle_still_has_its_secrets_found() -> None:
    secret = load(GOOD.replace("text: done", "text: password=hunter22"))
    first = secret.step("1").model_copy(update={"depends_on": ("6",)})
    looped = Plan(steps=(first, *secret.steps[1:]))
    assert [f.code for f in check(looped, CATALOG)] == ["secret-in-parameter"]


def test_the_blast_radius_counts_what_changes_and_what_can_be_taken_back() -> None:
    radius = blast_radius(load(GOOD), CATALOG)
    assert (radius.steps, radius.destructive, radius.irreversible) == (6, ("4",), ())
    assert radius.touches == ("db main",)
    assert (radius.covered, radius.effects) == (1, 3)


def test_tools_without_contracts_get_at_most_notes() -> None:
    bare = catalog_of(
        """
tools: [{name: backup_site}, {name: deploy_site, risk: disruptive}, {name: check_site, risk: observe}]
"""
    )
    plan = load("steps: [{id: 1, action: deploy_site}]")
    assert {f.severity for f in check(plan, bare)} == {"note"}


@pytest.mark.parametrize(
    "params",
    [
        "{config: {host: db1, login: {password: hunter22}}}",
        "{lines: [one, 'password=hunter22']}",
        "{db_password: hunter22}",
        "{hosts: [db1], api_key: [hunter22]}",
    ],
)
def test_secrets_are_found_inside_lists_and_mappings_and_by_their_names(params: str) -> None:
    finding = only(load(f"steps: [{{id: 1, action: say, params: {params}}}]"), "secret-in-parameter")
    assert (finding.step, finding.severity) == ("1", "error")
    assert "hunter22" not in finding.message


@pytest.mark.parametrize(
    "params",
    [
        "{password: $DB_PASSWORD}",
        "{retries: 3, token: null, tags: [1, a], secret: ''}",
        "{limits: {rows: 10}}",
    ],
)
def test_values_that_hold_no_secret_are_left_alone_wherever_they_are(params: str) -> None:
    plan = load(f"steps: [{{id: 1, action: say, params: {params}}}]")
    assert not [f for f in check(plan, CATALOG) if f.code == "secret-in-parameter"]


def test_secrets_of_undos_and_rollbacks_are_found_with_their_place() -> None:
    plan = load("""
steps: [{id: 1, action: say, params: {text: hi}, undo: {action: say, params: {token: hunter22}}}]
rollback: [{action: say, params: {text: bye}}, {action: say, params: {text: password=hunter22}}]
""")
    found = [(f.steps, f.message) for f in check(plan, CATALOG) if f.code == "secret-in-parameter"]
    asked = "name it in the tool's secrets instead"
    assert found == [
        ((), f"rollback item 2: parameter text seems to hold a password; {asked}"),
        (("1",), f"undo: parameter token seems to hold a secret, by its name; {asked}"),
    ]


def test_a_finding_without_a_fix_cannot_be_applied() -> None:
    bad = spoilt("{text: done}", "{text: password=hunter22}")
    with pytest.raises(ValueError, match="secret-in-parameter has no fix"):
        apply_fix(bad, only(bad, "secret-in-parameter"))


def test_a_fix_that_was_made_already_changes_nothing() -> None:
    bad = spoilt("depends_on: [1]", "depends_on: []")
    finding = only(bad, "missing-dependency")
    mended = apply_fix(bad, finding)
    assert apply_fix(mended, finding) == mended
