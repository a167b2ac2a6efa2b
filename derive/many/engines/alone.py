"""Series after series, in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from derive.many.engines.engine import Finished, Standing
from derive.many.tasks import SeriesTask
from derive.many.working import work


class Alone:
    """The engine without Dask.

    Parameters
    ----------
    note : str
        Why nobody else works.
    """

    def __init__(self, note: str = "") -> None:
        self.standing = Standing(workers=1, note=note)

    def run(self, tasks: Iterable[SeriesTask | None]) -> Iterator[Finished | None]:
        """Do one task after another."""
        for task in tasks:
            self.standing.busy = int(task is not None)
            yield None
            if task is None:
                continue
            outcomes = work(task)
            self.standing.busy = 0
            yield Finished(task, outcomes)

    def close(self) -> None:
        """There is nothing to let go of."""
