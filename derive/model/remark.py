"""What is odd about a source and does not stop anything: said as a warning, never passed over in silence.

A header carries the remarks on its own file (:attr:`derive.reading.header.Header.remarks`); a source series carries
them :func:`gathered`. ``remarks.tsv`` has every kind. To add one: a row there, and a :class:`Remark` where it is found.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from derive.told.wording import counted

#: So many keywords are named in a line.
MOST_NAMED = 6
#: The kind of what is not legal.
ABSENT = "SRC-ABSENT"
#: The kind of what a person said instead of the source.
ASSUMED = "SRC-ASSUMED"


@dataclass(frozen=True)
class Remark:
    """One thing that is odd.

    Parameters
    ----------
    code : str
        A row of ``remarks.tsv``, e.g. ``SRC-ABSENT``.
    keyword : str
        The attribute, or a path of keywords joined by ``>``; empty for a file as a whole.
    message : str
        What was found and what is wanted; never a value that may name a patient.
    names : tuple of str
        The files; empty while it is a header's own.
    """

    code: str
    keyword: str
    message: str
    names: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return {"code": self.code, "keyword": self.keyword, "message": self.message, "files": list(self.names)}


def gathered(said: Iterable[tuple[str, Sequence[Remark]]]) -> tuple[Remark, ...]:
    """Fold what is said of single files.

    Parameters
    ----------
    said : iterable of (name, remarks)

    Returns
    -------
    tuple of Remark
        Each once, with the names of its files.
    """
    found: dict[tuple[str, str, str], list[str]] = {}
    for name, remarks in said:
        for remark in remarks:
            found.setdefault((remark.code, remark.keyword, remark.message), []).append(name)
    return tuple(Remark(*key, tuple(names)) for key, names in found.items())


def lines_of(remarks: Sequence[Remark], images: int) -> list[str]:
    """Return one line a kind: how many attributes of how many of the images.

    Examples
    --------
    >>> lines_of([Remark("SRC-ABSENT", "AcquisitionDate", "is no date", ("1.dcm", "2.dcm"))], 2)
    ['warning SRC-ABSENT: AcquisitionDate of 2 images: not legal, and so as if it were not there']
    """
    kinds: dict[str, list[Remark]] = {}
    for remark in remarks:
        kinds.setdefault(remark.code, []).append(remark)
    return [_line(code, members, images) for code, members in kinds.items()]


def _line(code: str, members: Sequence[Remark], images: int) -> str:
    names = {name for m in members for name in m.names}
    keywords = list(dict.fromkeys(m.keyword for m in members if m.keyword))
    more = len(keywords) - MOST_NAMED
    which = ", ".join(keywords[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    count = counted(len(names), "image") if len(names) in (0, images) else f"{len(names)} of {counted(images, 'image')}"
    if not keywords:
        return f"warning {code}: {count}: {_kinds()[code]}"
    many = f"{len(keywords)} attributes ({which})" if len(keywords) > 1 else which
    of = f" of {count}" if names else ""
    return f"warning {code}: {many}{of}: {_kinds()[code]}"


@cache
def _kinds() -> Mapping[str, str]:
    """``remarks.tsv``: what each kind says, by code."""
    text = files(__package__).joinpath("remarks.tsv").read_text(encoding="utf-8")
    lines = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {line["code"]: line["what"] for line in lines}
