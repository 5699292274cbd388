"""How much the checker finds, and how often it cries wolf, counted over spoilt and over good plans."""

from __future__ import annotations

from collections import Counter
from functools import cache
from random import Random

from console.catalog.fit import faults as misfits
from console.plan.check import apply_fix, check
from console.plan.codec import faults_of
from tests.check.corpus import Case, from_worlds, plain, seeds, spoilt, unexplained


@cache
def good() -> tuple[Case, ...]:
    told = list(seeds())
    return (*told, *map(unexplained, told), *plain(), *from_worlds(1_000))


def told_of(case: Case) -> set[tuple[str, str, str]]:
    """Everything that is said of a case before it runs."""
    findings = {
        (f.code, f.step, f.message) for f in check(case.plan, case.catalog, facts=case.facts, want=case.want)
    }
    faults = (*faults_of(case.plan), *misfits(case.plan, case.catalog))
    return findings | {("fault", f.step, f.message) for f in faults}


def test_spoilt_plans_are_found() -> None:
    rng = Random(7)
    made: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    names: list[str] = []
    for case in good():
        before = told_of(case)
        for bad in spoilt(case, rng):
            made[bad.name.split(":")[0]] += 1
            if not told_of(bad) - before:
                missed[bad.name.split(":")[0]] += 1
                names.append(bad.name)
    total = sum(made.values())
    found = 1 - sum(missed.values()) / total
    figures = f"found {found:.1%} of {total}; made {dict(made)}; missed {dict(missed)}: {names[:20]}"
    assert len(made) == 10, figures
    assert total > 1_000, figures
    assert found >= 0.95, figures
    assert all(missed[kind] <= made[kind] // 10 for kind in made), figures


def test_a_fix_mends_its_finding_and_leaves_the_plan_valid() -> None:
    rng = Random(8)
    tried: Counter[str] = Counter()
    for case in good():
        for bad in spoilt(case, rng):
            if faults_of(bad.plan):
                continue
            found = check(bad.plan, bad.catalog, facts=bad.facts, want=bad.want)
            for finding in found:
                if finding.fix is None:
                    continue
                tried[finding.code] += 1
                mended = apply_fix(bad.plan, finding)
                assert faults_of(mended) == (), (bad.name, finding)
                again = check(mended, bad.catalog, facts=bad.facts, want=bad.want)
                assert finding not in again, (bad.name, finding)
                assert finding.fix.summary
    assert len(tried) >= 6, dict(tried)


def test_good_plans_are_left_in_peace() -> None:
    flagged = [
        (case.name, f.code, f.step, f.message)
        for case in good()
        for f in check(case.plan, case.catalog, facts=case.facts, want=case.want)
        if f.severity != "note"
    ]
    share = len({name for name, *_ in flagged}) / len(good())
    assert share <= 0.02, f"{share:.1%} of {len(good())} good plans were flagged: {flagged[:10]}"
