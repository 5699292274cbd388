"""Contenders compared, task by task."""

from __future__ import annotations

import csv
import io

from console.evaluation.compare import Comparison, by_contender, compare
from console.evaluation.report import as_csv, as_json, comparison, contenders
from console.evaluation.score import Score
from console.evaluation.trial import Executed, Trial


def trial(
    task: str, contender: str, findings: int = 0, *, repeat: int = 1, valid: bool = True, cost: float = 0.0
) -> Trial:
    return Trial(
        task=task,
        contender=contender,
        repeat=repeat,
        score=Score(valid=valid, warnings=findings if valid else 0, width=2, steps=3),
        cost=cost,
        seconds=1.0,
    )


def compared(one: list[Trial], other: list[Trial]) -> dict[str, Comparison]:
    return {found.measure.name: found for found in compare(one, other)}


def test_repeats_are_one_value_and_only_valid_pairs_count() -> None:
    one = [trial("a", "x", 4), trial("a", "x", 2, repeat=2), trial("b", "x", valid=False)]
    other = [trial("a", "y", 1), trial("a", "y", 1, repeat=2), trial("b", "y", 0)]
    found = compared(one, other)
    assert found["findings"].deltas == {"a": -2.0}
    assert (found["findings"].better, found["findings"].worse) == (1, 0)
    assert found["valid"].deltas == {"a": 0.0, "b": 1.0}
    assert "agreement" not in found


def test_the_sign_test_knows_luck_from_a_difference() -> None:
    def lead(n: int) -> float:
        one = [trial(str(i), "x", 1) for i in range(n)]
        return compared(one, [trial(str(i), "y", 0) for i in range(n)])["findings"].chance

    assert [round(lead(n), 4) for n in (1, 5, 8)] == [1.0, 0.0625, 0.0078]
    even = [trial("a", "x", 1), trial("b", "x", 0)], [trial("a", "y", 0), trial("b", "y", 1)]
    assert compared(*even)["findings"].chance == 1.0


def test_tables_show_contenders_and_deltas() -> None:
    trials = [trial("a", "x", 3, cost=0.5), trial("a", "y", 1, cost=0.25)]
    assert contenders(trials)[0] == ("contender", "tasks", "valid", "findings", "width", "cost", "seconds")
    assert contenders(trials)[1] == ("x", "1", "1.00", "3.00", "2.0", "$0.5000", "1.00")
    groups = by_contender(trials)
    rows = comparison(compare(groups["x"], groups["y"]))
    assert rows[1] == ("a", "=", "-2.00", "=", "-$0.2500", "=")
    assert rows[4] == ("better/worse/same", "0/0/1", "1/0/0", "0/0/1", "1/0/0", "0/0/1")


def test_a_run_that_was_not_proven_is_not_done() -> None:
    went = Executed(run="4f1c", exit_code=0, outcome="succeeded", seconds=1.0, proven=False)
    claimed = trial("a", "x").model_copy(update={"executed": went})
    proven = trial("a", "y").model_copy(update={"executed": went.model_copy(update={"proven": True})})
    assert compared([claimed], [proven])["done"].deltas == {"a": 1.0}


def test_exports_have_every_trial_as_it_was() -> None:
    trials = [trial("a", "x", 3), trial("a", "y", valid=False)]
    rows = list(csv.DictReader(io.StringIO(as_csv(trials))))
    assert [(row["contender"], row["valid"], row["findings"]) for row in rows] == [
        ("x", "True", "3"),
        ("y", "False", "0"),
    ]
    kept = as_json("4f1c", trials)
    assert [Trial.model_validate(one) for one in kept["trials"]] == trials
    assert kept["comparisons"][0]["measures"]["valid"]["worse"] == 1
