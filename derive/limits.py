"""What a file may claim before it is believed: how deep it nests, and how many bytes it becomes in memory.

Every command and every format asks here, and nowhere else. A header is a few bytes that anybody can write: it is held
against the bytes that are there before a single one is allocated for it.

* What is not packed needs as many bytes as it claims: :func:`check_held`.
* What is packed may become so many bytes, and so many times its size: :func:`check_unpacked`. Whoever trusts a source
  raises that (``--unpack-gib`` on the command line, :func:`set_unpack_gib` in Python).
* Sequences nest no deeper than :data:`MOST_LEVELS`. The deepest that the standard has, trees of Structured Reports, are
  a dozen levels; pydicom, JSON and our own judges go down by recursion, and a thousand calls are all that Python has.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from derive.errors import SourceError, UsageError, ValuesError
from derive.told.wording import flag

#: Sequences in sequences.
MOST_LEVELS = 64
#: Below this many unpacked bytes no ratio is looked at: an image of air packs a thousandfold.
RATIO_FLOOR = 256 * 1024**2
_GIB = 1024**3


@dataclass(frozen=True)
class Limits:
    """What a source may cost before it is refused.

    Parameters
    ----------
    entries : int
        Members of an archive.
    unpacked_bytes : int
        Of one image or volume, or the sum over all members of an archive, counted while unpacking.
    ratio : float
        Unpacked bytes to packed ones, once more than 256 MiB are unpacked.
    """

    entries: int = 100_000
    unpacked_bytes: int = 8 * _GIB
    ratio: float = 200.0


_DEFAULT = Limits()
_current = _DEFAULT


def is_there(path: Path) -> bool:
    """Whether a path names something; a name that no file system can have names nothing."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def in_force() -> Limits:
    """Return what is in force in this process."""
    return _current


def set_unpack_gib(gib: float | None) -> None:
    """Set how many GiB one source may be unpacked to, in this process, however well it is packed.

    Parameters
    ----------
    gib : float or None
        None: 8 GiB, and no more than 200 times the packed bytes.

    Raises
    ------
    UsageError
        ``OPT-UNPACK`` for a number that is not above 0.
    """
    global _current
    if gib is None:
        _current = _DEFAULT
        return
    if not 0 < gib < float("inf"):
        raise UsageError("OPT-UNPACK", f"{gib:g} GiB; wanted a number above 0")
    _current = Limits(unpacked_bytes=int(gib * _GIB), ratio=float("inf"))


def why_too_big(unpacked: int, packed: int, within: Limits | None = None) -> str:
    """Say why what is packed may not be unpacked; empty where it may.

    Parameters
    ----------
    unpacked, packed : int
        Bytes that it becomes, or says that it becomes, and bytes that it is.
    within : Limits, optional
        Those in force in this process without.
    """
    within = within or _current
    if unpacked > within.unpacked_bytes:
        return f"{unpacked} bytes of {packed}; at most {within.unpacked_bytes} are unpacked"
    if unpacked > RATIO_FLOOR and unpacked > within.ratio * packed:
        return f"{unpacked} bytes of {packed}, more than {within.ratio:g} times as many"
    return ""


def check_unpacked(name: str, unpacked: int, packed: int, within: Limits | None = None) -> None:
    """Refuse what is packed and would become too much, before it is allocated.

    Parameters
    ----------
    name : str
        File, for the message.
    unpacked : int
        Bytes that its header says it becomes, or that were unpacked so far.
    packed : int
        Bytes that are there.
    within : Limits, optional
        Those in force in this process without.

    Raises
    ------
    SourceError
        ``SRC-SIZE``
    """
    if why := why_too_big(unpacked, packed, within):
        raise SourceError(
            "SRC-SIZE",
            f"{name} would unpack to {why}. If it is trusted, raise the limit with {flag('unpack_gib', 'N')}",
        )


def check_held(name: str, claimed: int, held: int) -> None:
    """Refuse what is not packed and claims more bytes than are there.

    Parameters
    ----------
    name : str
        File, for the message.
    claimed, held : int
        Bytes.

    Raises
    ------
    ValuesError
        ``VAL-TRUNCATED``
    """
    if claimed > held:
        raise ValuesError(
            "VAL-TRUNCATED", f"{name}: its values need {claimed} bytes and there are {held}; the file was cut short"
        )
