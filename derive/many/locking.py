"""One run at a time in one folder: a lock that ends with its process, however that ends."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from derive.errors import OutputError
from derive.writing.atomic import unwritable

try:
    import fcntl
except ImportError:  # Windows has no such locks, and no run is refused there
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock in the block.

    *2026-12-01, a second run is refused.* Two runs that shared one ledger would have to ask it before every series,
    over file systems on which that is slow or wrong; who has more machines gives one run more workers.

    Parameters
    ----------
    path : Path
        A file, made where it is missing, that stays: who holds the lock is written in it.
    what : str
        What is locked, for messages.

    Raises
    ------
    OutputError
        ``MANY-LOCKED`` while another process holds it; ``OUT-WRITE``.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+", encoding="utf-8")  # noqa: SIM115 - closed below
    except OSError as error:
        raise unwritable(path.name, error) from error
    with file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise OutputError(
                    "MANY-LOCKED", f"{what} is in use by {_holder(path)}; wait for it, or end it"
                ) from None
        file.truncate(0)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        file.write(json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": now}))
        file.flush()
        yield


def _holder(path: Path) -> str:
    said: dict[str, object] = {}
    with suppress(OSError, ValueError):
        said = json.loads(path.read_text(encoding="utf-8"))
    return f"process {said.get('process', '?')} of {said.get('host', '?')} since {said.get('since', '?')}"
