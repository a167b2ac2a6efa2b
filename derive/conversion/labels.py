"""What segments are said to be: in a table, word by word, or by names that are known (``known_segments.tsv``).

A table has a line a segment, between commas or tabs, and a first line with the names of its columns:

============================================  =========================================================
``number``                                    in the label map, or which of several masks
``label``                                     what people see; a name of ``known_segments.tsv`` is enough
``scheme``, ``value``, ``meaning``            the code of what it is
``category_scheme``, ``..._value``, ...       of what kind that is, where no group of PS3.16 tells
``modifier_scheme``, ...                      left, right
``region_scheme``, ``region_modifier_...``    where in the body, of what can be anywhere
``colour``                                    ``#RRGGBB``
============================================  =========================================================
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from codes import Code
from derive.errors import SourceError, UsageError
from derive.limits import is_there
from derive.model.segment_types import known_type
from derive.model.segments import Segment
from derive.told.wording import flag

#: In place of a table: the numbers of TotalSegmentator's task ``total``.
TOTALSEGMENTATOR = "totalsegmentator"
_SCT = "SCT"
_LONGEST_CODE, _LONGEST_MEANING = 16, 64
_CODES = ("", "category_", "modifier_", "region_", "region_modifier_")
_PARTS = ("scheme", "value", "meaning")
_COLUMNS = ("number", "label", "colour", *(f"{which}{part}" for which in _CODES for part in _PARTS))
_LABEL = re.compile(r"\s*(\d+)\s*=(.*)", re.DOTALL)
#: Most bytes of a table.
_LARGEST = 1 << 22


def segments_said(
    table: str | Path | None, labels: Iterable[str | Segment] = (), names: Sequence[str] = ()
) -> tuple[Segment, ...]:
    """Return the segments that a caller names, by number; what is said one by one stands over the table.

    Parameters
    ----------
    table : path or str, optional
        ``.csv`` or ``.tsv``; or ``totalsegmentator``.
    labels : iterable of str or Segment
        ``1=Liver,SCT,10200004,Liver``, with the category behind it where it does not follow; or ``5=liver``.
    names : sequence of str
        What several masks are called, the first of which has number 1: who calls his masks as TotalSegmentator does
        says so by naming its table.

    Raises
    ------
    UsageError
        ``SEG-LABEL`` for what is no label, ``SEG-CATEGORY`` for a type of which no group tells the category.
    SourceError
        ``SRC-MISSING``, ``SRC-UNREADABLE`` for a table.
    """
    found = _by_number(_of_table(table, names))
    found |= _by_number(said if isinstance(said, Segment) else _of_text(said) for said in labels)
    return tuple(found[number] for number in sorted(found))


def _by_number(segments: Iterable[Segment]) -> dict[int, Segment]:
    found: dict[int, Segment] = {}
    for segment in segments:
        if segment.number in found:
            raise UsageError("SEG-LABEL", f"segment {segment.number} is listed twice")
        found[segment.number] = segment
    return found


def _of_table(table: str | Path | None, names: Sequence[str]) -> list[Segment]:
    if table is None:
        return []
    if str(table).lower() == TOTALSEGMENTATOR and names:
        return [_known(name, number) for number, name in enumerate(names, 1) if name in known_segments()]
    if str(table).lower() == TOTALSEGMENTATOR:
        return [_known(name, int(row["number"])) for name, row in known_segments().items() if row["number"]]
    return [_of_row(row, f"line {n} of {Path(table).name}") for n, row in enumerate(_rows(Path(table)), 2)]


def _rows(path: Path) -> list[dict[str, str]]:
    if not is_there(path):
        raise SourceError(
            "SRC-MISSING", f"{path.name} does not exist; wanted a table of segments, or {TOTALSEGMENTATOR}"
        )
    try:
        if path.stat().st_size > _LARGEST:
            raise SourceError("SRC-UNREADABLE", f"{path.name} is larger than any table of segments")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError("SRC-UNREADABLE", f"{path.name} cannot be read as text in UTF-8") from error
    lines = [line for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else ""
    between = "\t" if "\t" in first else ","
    reader = csv.DictReader(lines, delimiter=between, skipinitialspace=True)
    columns = [c.strip() for c in reader.fieldnames or ()]
    unknown = [c for c in columns if c not in _COLUMNS]
    if unknown or not {"number", "label"} <= set(columns):
        raise UsageError(
            "SEG-LABEL",
            f"the first line of {path.name} has to name columns: number and label, and of the others as many as are "
            f"needed: {', '.join(_COLUMNS[2:])}",
        )
    reader.fieldnames = columns
    return [{k: (v or "").strip() for k, v in row.items() if k is not None} for row in reader]


def _of_row(row: Mapping[str, str], where: str) -> Segment:
    if not row["number"].isdecimal():
        raise UsageError("SEG-LABEL", f"{where} has no number of a segment")
    number, label = int(row["number"]), row["label"]
    said = {which: _code([row.get(f"{which}{part}", "") for part in _PARTS], where) for which in _CODES}
    if said[""] is None:
        return _known(label, number)
    return _segment(number, label, [said[which] for which in _CODES], row.get("colour", ""))


def _of_text(text: str) -> Segment:
    found = _LABEL.fullmatch(str(text))
    words = [] if found is None else [w.strip() for w in next(csv.reader([found[2]], skipinitialspace=True), [])]
    if found is None or len(words) not in (1, 4, 7):
        raise UsageError(
            "SEG-LABEL",
            f"label {str(text)!r:.40}; wanted NUMBER=LABEL,SCHEME,VALUE,MEANING, with the scheme, value and meaning of "
            "the category behind it where that does not follow, or NUMBER=NAME with a name that is known",
        )
    number = int(found[1])
    if len(words) == 1:
        return _known(words[0], number)
    where = f"label {number}"
    return _segment(number, words[0], [_code(words[1:4], where), _code(words[4:7], where)], "")


def _segment(number: int, label: str, said: Sequence[Code | None], colour: str) -> Segment:
    codes: list[Code | None] = [*said, *[None] * (len(_CODES) - len(said))]
    type_, category, modifier, region, region_modifier = codes
    assert type_ is not None, "nothing is a segment without a type"
    found = category or category_of(type_, number)
    return Segment(number, label, type_, found, modifier, region, region_modifier, colour)


def _code(words: Sequence[str], where: str) -> Code | None:
    """Return a code; None where nothing is said.

    Raises
    ------
    UsageError
        ``SEG-LABEL``
    """
    if not any(words):
        return None
    scheme, value, meaning = words
    limits = (_LONGEST_CODE, _LONGEST_CODE, _LONGEST_MEANING)
    if not all(0 < len(w) <= n and w.isprintable() and "\\" not in w for w, n in zip(words, limits, strict=True)):
        raise UsageError(
            "SEG-LABEL", f"{where} has a code that is none; wanted a scheme, a value of 16 characters and a meaning"
        )
    return Code(value, scheme, meaning, "")


def category_of(type_: Code, number: int) -> Code:
    """Return the category of a type: that of the only group of types in PS3.16 that holds it.

    Raises
    ------
    UsageError
        ``SEG-CATEGORY`` where none does, or several do.
    """
    known = known_type(type_.scheme, type_.value)
    found = known.categories if known else ()
    if len(found) != 1:
        raise UsageError(
            "SEG-CATEGORY",
            f"segment {number}: the code {type_.value} of {type_.scheme} is in {'several' if found else 'none'} "
            f"of the groups of PS3.16 (CID 7191 to 7198), so its category is not known; wanted "
            f"{flag('label', 'NUMBER=LABEL,SCHEME,VALUE,MEANING,SCHEME,VALUE,MEANING')}, the last three of a category "
            "such as SCT,91723000,Anatomical Structure or SCT,49755003,Morphologically Abnormal Structure, or the "
            "columns category_scheme, category_value and category_meaning",
        )
    return found[0]


@cache
def known_segments() -> Mapping[str, Mapping[str, str]]:
    """Return the rows of ``known_segments.tsv`` by name."""
    text = files(__package__).joinpath("known_segments.tsv").read_text(encoding="utf-8")
    return {row["name"]: row for row in csv.DictReader(text.splitlines(), delimiter="\t")}


def _known(name: str, number: int) -> Segment:
    row = known_segments().get(name)
    if row is None:
        raise UsageError(
            "SEG-LABEL",
            f"segment {number} is given no code, and its label is none of the {len(known_segments())} names that are "
            f"known (those of TotalSegmentator: liver, kidney_left, ...); wanted "
            f"{flag('label', f'{number}=LABEL,SCHEME,VALUE,MEANING')}",
        )

    def code(which: str) -> Code | None:
        return Code(row[which], _SCT, row[f"{which}_meaning"], "") if row[which] else None

    said = [code(which) for which in ("type", "category", "modifier", "region", "region_modifier")]
    return _segment(number, name, said, row["colour"])
