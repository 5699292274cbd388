"""Work that cannot be asked to stop is stopped, however deep it hides."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import weakref

import pytest

from console.run.patience import TooLong, at_most


def test_what_hides_the_first_alarm_is_stopped_by_a_later_one() -> None:
    hidden = 0

    def work() -> None:
        nonlocal hidden
        while hidden < 3:
            try:
                while True:
                    pass
            except TooLong:
                hidden += 1
        while True:
            pass

    with pytest.raises(TooLong), at_most(0.01):
        work()
    assert hidden == 3


def test_no_alarm_goes_off_in_what_watches_for_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is raised there goes nowhere but into a warning."""
    watched: list[str] = []

    def until_the_alarm(phase: str, _: dict[str, int]) -> None:
        left = signal.getitimer(signal.ITIMER_REAL)[0]
        while not watched and (now := signal.getitimer(signal.ITIMER_REAL)[0]) <= left:
            left = now
        watched.append(phase)

    def work() -> None:
        until_the_alarm("start", {})
        while True:
            pass

    monkeypatch.setattr(gc, "callbacks", [until_the_alarm])
    with pytest.raises(TooLong), at_most(0.01):
        work()
    assert watched == ["start"]


def test_an_alarm_that_is_lost_where_an_object_goes_is_raised_again_and_not_told() -> None:
    """The test fails with the warning that Python gives where nobody can be raised to."""
    gone: list[bool] = []

    def until_the_alarm(_: object) -> None:
        gone.append(True)
        while True:
            pass

    class Thing:
        pass

    def work() -> None:
        thing = Thing()
        kept = weakref.ref(thing, until_the_alarm)
        del thing
        while kept() is None:
            pass

    before = sys.unraisablehook
    with pytest.raises(TooLong), at_most(0.01):
        work()
    assert gone == [True]
    assert sys.unraisablehook is before


def test_an_alarm_of_somebody_else_is_left_as_it_was() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with at_most(5.0):
        assert signal.getsignal(signal.SIGALRM) is not before
    assert signal.getsignal(signal.SIGALRM) is before


def test_another_thread_has_no_limit_and_no_alarm() -> None:
    done = []

    def work() -> None:
        with at_most(0.0):
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
