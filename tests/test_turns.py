"""One piece of work at a time, and nobody crowds out anybody else."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from lfr_site.turns import Busy, Turns


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_parties_alternate() -> None:
    turns = Turns(patience_s=60, places=9, places_each=9)
    order: list[str] = []

    def work(party: str, name: str) -> None:
        with turns.turn(party):
            order.append(name)

    with ThreadPoolExecutor(9) as pool:
        with turns.turn("somebody"):
            for number, name in enumerate(("flood 1", "flood 2", "flood 3", "officer"), start=1):
                pool.submit(work, name.split()[0], name)
                until(lambda number=number: turns.waiting == number)  # type: ignore[misc]
    assert order == ["flood 1", "officer", "flood 2", "flood 3"]


def test_places_are_bounded_for_each_party_and_altogether() -> None:
    turns = Turns(patience_s=60, places=2, places_each=1)

    def work(party: str) -> None:
        with turns.turn(party):
            pass

    with ThreadPoolExecutor(9) as pool:
        with turns.turn("somebody"):
            waiting = [pool.submit(work, "flood")]
            until(lambda: turns.waiting == 1)
            with pytest.raises(Busy):
                work("flood")
            waiting.append(pool.submit(work, "officer"))
            until(lambda: turns.waiting == 2)
            with pytest.raises(Busy):
                work("another officer")
    assert [done.result() for done in waiting] == [None, None]
    work("another officer")


def test_a_wait_ends_and_leaves_no_place_taken() -> None:
    turns = Turns(patience_s=0.01, places=1, places_each=1)
    with turns.turn("somebody"):
        for _ in range(3):
            with pytest.raises(Busy), turns.turn("officer"):
                pass
    assert turns.waiting == 0
    with turns.turn("officer"):
        pass


def test_work_that_fails_gives_its_turn_back() -> None:
    turns = Turns(patience_s=0.01, places=1, places_each=1)
    with pytest.raises(ZeroDivisionError), turns.turn("somebody"):
        _ = 1 / 0
    with turns.turn("officer"):
        pass
