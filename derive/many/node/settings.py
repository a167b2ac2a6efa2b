"""How a node runs: where it listens, who may send, what it waits for, and what it may take of the machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from derive.errors import UsageError
from derive.pacs.address import DEFAULT_AET, Tls
from derive.told.wording import flag

_ABOVE_NOTHING = ("quiet_seconds", "count_wait_seconds", "retry_seconds", "timeout", "workers", "store_gib")


@dataclass(frozen=True)
class Doors:
    """Where a node listens, and who is let in.

    Parameters
    ----------
    aet : str
        Its AE title; others are refused.
    host : str
        Interface of DIMSE and STOW; loopback unless it is told otherwise.
    port : int
        Of DIMSE; 0 for any that is free.
    callers : tuple of str
        AE titles that may call; without them every one may.
    associations : int
        So many at once.
    tls : Tls, optional
        Certificate of ours; with a CA the other side has to show one of it.
    web_port : int, optional
        Of STOW-RS; nobody listens without it.
    token_env : str, optional
        The environment variable that holds the bearer token which STOW-RS has to bring.
    health_port : int, optional
        Of ``/health``, ``/metrics`` and ``/status``, on loopback; nobody listens without it.
    reports : mapping AE title -> (host, port)
        Where reports of storage commitment go; else they come on the association of the request.
    """

    aet: str = DEFAULT_AET
    host: str = "127.0.0.1"
    port: int = 11112
    callers: tuple[str, ...] = ()
    associations: int = 20
    tls: Tls | None = None
    web_port: int | None = None
    token_env: str | None = None
    health_port: int | None = None
    reports: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class NodeSettings:
    """How a node runs.

    Parameters
    ----------
    to : str
        Where results go: a name of ``derive.toml``, an address, or a folder.
    store : Path
        Its folder.
    doors : Doors
    quiet_seconds : float
        A series is complete when nothing of it came for so long.
    count_from : str, optional
        An archive that tells how many instances a series has.
    count_wait_seconds : float
        How long to wait for instances that it says there are.
    workers : int
        So many series are derived at once.
    timeout : float
        Seconds in which one series has to be derived.
    retry_seconds : float
        Before the second attempt to send; twice as long before each further one.
    keep_days : float
        How long files of what is done are kept.
    store_gib : float, optional
        What the files of the store may take; without it what the disk has.
    again : bool
        Whether what is in quarantine is taken up again at the start.
    """

    to: str
    store: Path
    doors: Doors = field(default_factory=Doors)
    quiet_seconds: float = 30.0
    count_from: str | None = None
    count_wait_seconds: float = 3600.0
    workers: int = 1
    timeout: float = 3600.0
    retry_seconds: float = 10.0
    keep_days: float = 7.0
    store_gib: float | None = None
    again: bool = False

    def __post_init__(self) -> None:
        above: dict[str, float | None] = {name: getattr(self, name) for name in _ABOVE_NOTHING}
        above["associations"] = self.doors.associations
        for name, value in above.items():
            if value is not None and not value > 0:
                raise UsageError("NODE-SETTING", f"{flag(name, f'{value:g}')}: wanted a number above 0")
        if self.keep_days < 0:
            raise UsageError("NODE-SETTING", f"{flag('keep_days', f'{self.keep_days:g}')}: wanted 0 or more")
        token = self.doors.token_env
        if token is not None and not os.environ.get(token):
            raise UsageError("NODE-SETTING", f"{flag('token_env', token)}: there is no such environment variable")
