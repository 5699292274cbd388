"""What is tried again, after which wait, for how long, and what it may cost. On a virtual clock."""

from __future__ import annotations

from datetime import UTC, datetime

import anyio
import pytest
import trio.testing

from console.planners import llm_wire as wire
from console.planners.llm_call import FORMS, ModelError, Patience, Question, retry_after
from tests.models.lines import Act, Listener, ScriptedLine

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ASK = wire.Ask(model="stub/m", messages=({"role": "user", "content": "plan"},), temperature=0.1)


def failure(kind: wire.FailureKind, **more: object) -> wire.Failure:
    return wire.Failure.model_validate({"kind": kind, **more})


class Asked:
    """One question on a virtual clock: the answer or the error, the time it took, what was told."""

    def __init__(self, *acts: Act, forms: tuple[wire.Form, ...] = FORMS, **line: float) -> None:
        self.line = ScriptedLine(list(acts), cost=line.get("cost", 0.0), seconds=line.get("seconds", 0.0))
        self.heard = Listener()
        self.answer: wire.Answer | None = None
        self.error: ModelError | None = None
        self.form = ""
        self.took = 0.0
        self.question = Question(self.line, self.heard, Patience(), limit=line.get("limit"), now=lambda: NOW)

        async def ask() -> None:
            began = anyio.current_time()
            try:
                self.answer, self.form = await self.question.answer(ASK, forms)
            except ModelError as error:
                self.error = error
            self.took = anyio.current_time() - began

        clock = trio.testing.MockClock(autojump_threshold=0)
        anyio.run(ask, backend="trio", backend_options={"clock": clock})


def test_a_busy_model_is_waited_for_as_long_as_it_says_counted_down() -> None:
    asked = Asked(failure("rate", retry_after="3"), "{}")
    assert asked.answer
    assert asked.took == pytest.approx(3)
    assert asked.heard.told == ["m asks to wait: again in 3 s"]
    assert asked.heard.passing == ["m asks to wait: again in 2 s", "m asks to wait: again in 1 s"]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("3600", 60.0),
        ("Thu, 01 Jan 2026 00:00:07 GMT", 7.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("", None),
    ],
)
def test_what_the_server_says_of_the_wait_is_kept_to_within_a_minute(
    header: str, seconds: float | None
) -> None:
    assert retry_after(header, NOW) == seconds


def test_a_model_that_stays_busy_is_given_up() -> None:
    asked = Asked(failure("rate", status=429))
    assert asked.error
    assert "asks to wait, again and again" in str(asked.error)
    assert len(asked.line.asked) == 5


@pytest.mark.parametrize("kind", ["server", "connection"])
def test_a_server_at_fault_is_asked_twice_more(kind: wire.FailureKind) -> None:
    asked = Asked(failure(kind, status=502))
    assert asked.error
    assert len(asked.line.asked) == 3
    assert asked.took == pytest.approx(1 + 2)


@pytest.mark.parametrize(
    "kind", ["key", "quota", "model", "context", "budget", "price", "size", "empty", "html"]
)
def test_what_would_fail_again_is_not_tried_again(kind: wire.FailureKind) -> None:
    asked = Asked(failure(kind))
    assert asked.error
    assert "\n" not in str(asked.error)
    assert asked.error.todo
    assert len(asked.line.asked) == 1


def test_a_form_that_is_refused_gives_way_to_a_simpler_one() -> None:
    asked = Asked(failure("request", status=400), failure("request", status=400), "{}")
    assert [one.form for one in asked.line.asked] == ["json_schema", "tool", "json_object"]
    assert asked.form == "json_object"


def test_a_model_without_temperature_is_asked_without_one() -> None:
    asked = Asked(failure("request", status=400, detail="temperature is not supported"), "{}")
    assert [(one.form, one.temperature) for one in asked.line.asked] == [
        ("json_schema", 0.1),
        ("json_schema", None),
    ]


def test_everything_together_has_one_deadline() -> None:
    asked = Asked("{}", seconds=10_000)
    assert asked.error
    assert asked.took == pytest.approx(Patience().deadline)
    assert "no reply within 300 seconds" in str(asked.error)


def test_attempts_that_fail_are_paid_for_and_leave_less_for_the_next() -> None:
    asked = Asked(failure("server", cost=0.25), "{}", cost=0.5, limit=1.0)
    assert [one.budget for one in asked.line.asked] == [1.0, 0.75]
    assert asked.question.taken.cost == pytest.approx(0.75)
    assert asked.question.taken.tokens == 120
