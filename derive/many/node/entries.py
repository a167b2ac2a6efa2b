"""What stands in the ledger, a value each."""

from __future__ import annotations

from dataclasses import dataclass

from derive.many.node.states import SeriesState


@dataclass(frozen=True)
class NodeInstance:
    """An instance that came.

    Parameters
    ----------
    uid, series, study, sop_class, syntax : str
        SOP Instance, Series Instance, Study Instance, SOP Class and Transfer Syntax UID.
    digest : str
        Of its data set and transfer syntax; File Meta Information tells of who sent it.
    size : int
        Bytes of its file.
    gone : int
        1 if its file was removed, since all is done.
    """

    uid: str
    series: str
    study: str
    sop_class: str
    syntax: str
    digest: str
    size: int
    gone: int = 0


@dataclass(frozen=True)
class NodeSeries:
    """A series that came.

    Parameters
    ----------
    uid, study : str
    state : SeriesState
        Given as its word.
    since, heard : float
        When it came into that state, and when the last instance came (seconds since the epoch).
    version : int
        Becomes another with each instance: what was made of an earlier one is not of this series as it is.
    tries : int
        How often it was begun with, without an end.
    due : float
        Not before then.
    code, message, flag : str
        Why it is in quarantine.
    """

    uid: str
    study: str
    state: SeriesState
    since: float
    heard: float
    version: int
    tries: int = 0
    due: float = 0.0
    code: str = ""
    message: str = ""
    flag: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", SeriesState(self.state))


@dataclass(frozen=True)
class NodeResult:
    """A result, on its way to the archive.

    Parameters
    ----------
    key : str
        Digest of its rule and its sources.
    series : str
        The series that it was made of.
    version : int
        Of that series.
    rule, folder : str
    state : SeriesState
        Given as its word.
    tries : int
    due : float
    code, message : str
    """

    key: str
    series: str
    version: int
    rule: str
    folder: str
    state: SeriesState
    tries: int = 0
    due: float = 0.0
    code: str = ""
    message: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", SeriesState(self.state))


@dataclass(frozen=True)
class Made:
    """What a rule made of a series.

    Parameters
    ----------
    key, rule, folder : str
        As of :class:`NodeResult`.
    size : int
        Bytes of its files.
    series : tuple of str
        Series Instance UIDs.
    """

    key: str
    rule: str
    folder: str
    size: int
    series: tuple[str, ...]


@dataclass(frozen=True)
class Failure:
    """Why something is in quarantine.

    Parameters
    ----------
    code : str
        Stable identifier.
    message, flag, trace : str
        In words, what would help, and where it happened; none of them leaves the ledger but for who asks.
    """

    code: str = ""
    message: str = ""
    flag: str = ""
    trace: str = ""
