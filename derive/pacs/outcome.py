"""What became of every instance that was sent: nothing is called stored that the archive did not say so of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

SCHEMA = "derive-send/1"
#: Given each Part 10 file of a series that is fetched.
Take: TypeAlias = Callable[[bytes], None]


class Category(Enum):
    """Kind of an answer (PS3.4 B.2.3, PS3.7 C; PS3.18 10.5).

    STORED: success. WARNING: stored, and something about it was changed or doubted. REFUSED: the archive answered and
    did not store it. TRANSIENT: it could not store it now (out of resources, busy). UNSENT: there was no answer, or it
    was never sent.
    """

    STORED = "stored"
    WARNING = "warning"
    REFUSED = "refused"
    TRANSIENT = "transient"
    UNSENT = "unsent"

    @property
    def stored(self) -> bool:
        """Whether the archive has it, by its own word."""
        return self in (Category.STORED, Category.WARNING)


@dataclass(frozen=True)
class Result:
    """What became of one instance.

    Parameters
    ----------
    sop_instance_uid, sop_class_uid : str
    file : str
        Name of its file; empty for a data set in memory.
    category : Category
    status : int, optional
        Of the C-STORE response, or Failure/Warning Reason of a STOW response, or of HTTP; None without an answer.
    comment : str
        What the other side, or the connection, said of it.
    attempts : int
    """

    sop_instance_uid: str
    sop_class_uid: str
    file: str
    category: Category
    status: int | None = None
    comment: str = ""
    attempts: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return vars(self) | {
            "category": self.category.value,
            "status_hex": None if self.status is None else f"0x{self.status:04X}",
        }


@dataclass(frozen=True)
class Holdings:
    """What the archive answered when it was asked afterwards.

    Parameters
    ----------
    asked : str
        How: ``C-FIND``, ``QIDO-RS``, ``pixels`` or ``folder``.
    missing : tuple of str
        SOP Instance UIDs that it does not have.
    different : tuple of str
        That it has with other pixels.
    unexpected : tuple of str
        That are in the series beside those.
    unknown : mapping of str to str
        Of which nobody knows whether it has them, or what their pixels are, and why: the archive could not be asked, or
        its answer was cut.
    """

    asked: str
    missing: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether everything is there, as it was sent, and that is known."""
        return not (self.missing or self.different or self.unknown)

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return {
            "asked": self.asked,
            "ok": self.ok,
            "missing": list(self.missing),
            "different": list(self.different),
            "unexpected": list(self.unexpected),
            "unknown": dict(self.unknown),
        }


@dataclass(frozen=True)
class Commitment:
    """What the archive commits itself to keep (PS3.4 J).

    Parameters
    ----------
    transaction_uid : str
    committed : tuple of str
    failed : mapping of str to int
        Failure Reason by SOP Instance UID.
    answered : bool
        Whether there was an answer at all.
    why : str
        Why there was none.
    """

    transaction_uid: str
    committed: tuple[str, ...] = ()
    failed: Mapping[str, int] = field(default_factory=dict)
    answered: bool = True
    why: str = ""


#: Told of every instance as soon as its result is final.
Told: TypeAlias = Callable[[Result], None]


def by_uid(results: Iterable[Result]) -> dict[str, Result]:
    """Results by SOP Instance UID; a later one replaces an earlier one."""
    return {r.sop_instance_uid: r for r in results}
