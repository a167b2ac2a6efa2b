"""How far a long work is, told to whoever listens: a bar of the command line, or nobody.

Whatever may take longer than a second tells here, so that no function has to hand a callable on for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Item = TypeVar("Item")
#: Told (stage, done, all); all is 0 where it is not known.
Listener = Callable[[str, int, int], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have a listener told in the block, of what this thread does."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(stage: str, done: int, count: int = 0) -> None:
    """Tell how many of how many are done.

    Parameters
    ----------
    stage : str
        What is done, in a word: reading, measuring, writing, ...; no value of a file.
    done, count : int
        A count of 0 is one that is not known.
    """
    listener = _listener.get()
    if listener is not None:
        listener(stage, done, count)


def counting(stage: str, items: Iterable[Item], count: int = 0) -> Iterator[Item]:
    """Give items, and tell of each that is done."""
    for done, item in enumerate(items, 1):
        yield item
        tell(stage, done, count)
