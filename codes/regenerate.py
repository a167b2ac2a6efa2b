"""Write ``context_groups.tsv``, or check that it is what the sources say.

Run as ``python -m codes.regenerate [--check]``. This module is the only writer of the table. Which
groups it holds is the list in ``groups.tsv``; the codes are those of pydicom's context group
dictionary; the codes that left a group are the list in ``left.tsv``.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import re
import sys
from pathlib import Path
from typing import cast

from pydicom.sr._cid_dict import cid_concepts  # pydicom has no public access by number
from pydicom.sr._concepts_dict import concepts

HERE = Path(__file__).parent
TABLE = HERE / "context_groups.tsv"
README = HERE / "README.md"
COLUMNS = ("cid", "scheme", "value", "meaning", "keyword", "status", "moved_to", "former_meaning")

Row = tuple[str, str, str, str, str, str, str, str]
CONCEPTS = cast("dict[str, dict[str, dict[str, tuple[str, list[int]]]]]", concepts)
"""Scheme -> keyword -> value -> (meaning, numbers of the groups that hold the code)."""


def rows() -> list[Row]:
    """Return the rows of the table, current codes before those that left, groups by number.

    Raises
    ------
    LookupError
        When a code that ``left.tsv`` says has left is in its group, or is unknown to pydicom.
    """
    found: list[Row] = []
    for group in read_table(HERE / "groups.tsv"):
        found += sorted(_current(group["cid"], cid_concepts[int(group["cid"])]))
        found += [_left(row) for row in read_table(HERE / "left.tsv") if row["cid"] == group["cid"]]
    return found


def _current(cid: str, keywords_by_scheme: dict[str, list[str]]) -> list[Row]:
    return [
        (cid, scheme, value, meaning, keyword, "current", "-", "-")
        for scheme, keywords in keywords_by_scheme.items()
        for keyword in keywords
        for value, (meaning, groups) in CONCEPTS[scheme][keyword].items()
        if int(cid) in groups
    ]


def _left(row: dict[str, str]) -> Row:
    cid, scheme, value, former = row["cid"], row["scheme"], row["value"], row["former_meaning"]
    for keyword, values in CONCEPTS[scheme].items():
        if value not in values:
            continue
        meaning, groups = values[value]
        if int(cid) in groups:
            raise LookupError(f"left.tsv: {value} is in CID {cid} now; take it off the list")
        moved_to = " ".join(str(group) for group in sorted(groups)) or "-"
        return (cid, scheme, value, meaning, keyword, "left", moved_to, former)
    raise LookupError(f"left.tsv: pydicom knows no code {value} in scheme {scheme}")


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a tab-separated table with a header line."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def table_text() -> str:
    """Return the table as it should be on disk."""
    out = io.StringIO()
    for row in (COLUMNS, *rows()):
        out.write("\t".join(row) + "\n")
    return out.getvalue()


def main(arguments: list[str] | None = None) -> int:
    """Write the table, or with ``--check`` say whether it and the README's digest are up to date."""
    parser = argparse.ArgumentParser(prog="python -m codes.regenerate", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when the table differs")
    check = parser.parse_args(arguments).check
    text = table_text()
    readme = README.read_text(encoding="utf-8")
    stamped = re.sub(r"\b[0-9a-f]{64}\b", hashlib.sha256(text.encode()).hexdigest(), readme)
    wanted = {TABLE: text, README: stamped}
    if not check:
        for path, content in wanted.items():
            path.write_text(content, encoding="utf-8", newline="\n")
        return 0
    stale = [
        path.name
        for path, content in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]
    if stale:
        sys.stderr.write(f"{', '.join(stale)} differ from the sources; run python -m codes.regenerate\n")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
