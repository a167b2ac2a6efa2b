"""What an engine is, and how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from derive.many.outcome import Outcome
from derive.many.tasks import SeriesTask


class Finished(NamedTuple):
    """A task, and what became of it."""

    task: SeriesTask
    outcomes: tuple[Outcome, ...]


@dataclass
class Standing:
    """How an engine stands; it changes as the work goes on.

    Parameters
    ----------
    workers : int
        Processes that there are.
    busy : int
        How many of them are at work on a series.
    dashboard : str
        Address where Dask shows what it does; empty where there is none.
    note : str
        What a person should know of it.
    """

    workers: int = 1
    busy: int = 0
    dashboard: str = ""
    note: str = ""


class Engine(Protocol):
    """Who does the work."""

    standing: Standing

    def run(self, tasks: Iterable[SeriesTask | None]) -> Iterator[Finished | None]:
        """Take tasks, no more than can soon be begun, and give each when it ended; None while all are still at work.

        Where there is None in place of a task, whoever gives them has something to say first.
        """
        ...

    def close(self) -> None:
        """Let go of processes and connections."""
        ...
