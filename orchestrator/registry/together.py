"""The same question about several things at once, for somebody who may stop listening."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
R = TypeVar("R")


def together(ask: Callable[[T], R], things: Iterable[T], *, at_once: int) -> list[R]:
    """What `ask` answers for each of `things`, in their order; `at_once` threads ask.

    Raises what `ask` did for the first of them that failed, or what comes from outside, such as a signal's exception.
    What is not begun then never is, and the threads end by themselves: they keep neither the caller nor the
    process waiting, as those of an executor do, for a registry that says nothing.
    """
    answers: list[tuple[T, Future[R]]] = [(thing, Future()) for thing in things]
    left = deque(answers)

    def work() -> None:
        while True:
            try:
                thing, answer = left.popleft()
            except IndexError:
                return
            try:
                answer.set_result(ask(thing))
            except BaseException as fault:  # noqa: BLE001  # raised where the caller listens
                answer.set_exception(fault)

    for number in range(min(at_once, len(answers))):
        threading.Thread(target=work, name=f"together-{number}", daemon=True).start()
    try:
        return [answer.result() for _, answer in answers]
    finally:
        left.clear()
