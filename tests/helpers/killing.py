"""Processes that end at a given step, as SIGKILL ends them: nothing is cleaned up."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from derive.writing import placing

#: What changes a folder; a process is ended before one of these.
STEPS = ("link", "mkdir", "rename", "replace", "rmdir", "unlink")
ENDED = 9


def digests(folder: Path) -> dict[str, str]:
    """What is in a folder, links and hidden things too."""
    found = sorted(folder.rglob("*"))
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in found if p.is_file()}


def left(folder: Path) -> list[str]:
    """Names of all that is directly in a folder."""
    return sorted(os.listdir(folder))


def ended_at_each_step(work: Callable[[], None], *, links: bool = True, exchanges: bool = True) -> Iterator[int]:
    """Do some work in processes that are ended at its first step, its second, and so on; give the number of each.

    The caller puts things in order in between. `links` and `exchanges`: whether the file system has them.
    """
    for step in range(1000):
        child = os.fork()
        if not child:
            _end_at(step, links=links, exchanges=exchanges)
            try:
                work()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != ENDED:
            return
        yield step
    raise AssertionError("the work has no end")


def _end_at(last: int, *, links: bool, exchanges: bool) -> None:
    count = 0

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **more: object) -> object:
            nonlocal count
            if count == last:
                os._exit(ENDED)
            count += 1
            return function(*arguments, **more)

        return call

    def none(*_: object, **__: object) -> None:
        raise OSError(95, "Operation not supported")

    for name in STEPS:
        setattr(os, name, none if name == "link" and not links else counted(getattr(os, name)))
    placing.exchange = counted(placing.exchange) if exchanges else lambda *_: False
