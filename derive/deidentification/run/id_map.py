"""The table of patients that a person keeps: a CSV file with the old and the new Patient ID of each.

::

    id_old,id_new,name_new
    MRN0001,S001,Subject^One
    MRN0002,S002,

``name_new`` may be left out. Columns are parted by commas, semicolons or tabs, whichever the first line has. It leads
back to the patients: whoever makes one is the only one who may read it.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path

from derive.deidentification.run.subjects import checked_subject
from derive.errors import OutputError, UsageError
from derive.told.wording import did_you_mean, flag

_COLUMNS = ("id_old", "id_new", "name_new")


def read_id_map(path: Path, creates: bool) -> dict[str, tuple[str, str]]:
    """Read a table of patients.

    Parameters
    ----------
    path : Path
    creates : bool
        Whether it need not be there yet.

    Returns
    -------
    dict of str to (str, str)
        Patient ID to the new Patient ID and Patient's Name.

    Raises
    ------
    UsageError
        ``DEID-ID-MAP`` for what is no such table; ``DEID-SUBJECT`` for a row that names nobody.
    """
    if creates and not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        more = "" if path.exists() else f"; {flag('id_map_create')} begins one"
        raise UsageError("DEID-ID-MAP", f"{path} cannot be read as a table of patients{more}") from error
    lines = list(csv.reader(io.StringIO(text), delimiter=_delimiter(text)))
    columns = [name.strip().lower() for name in lines[0]] if lines else []
    for name in columns:
        if name not in _COLUMNS:
            hint = did_you_mean(name, _COLUMNS) or f"; wanted {', '.join(_COLUMNS)}"
            raise UsageError(
                "DEID-ID-MAP", f"{path}: column {columns.index(name) + 1} has a name that is not known{hint}"
            )
    if not {"id_old", "id_new"} <= {*columns}:
        raise UsageError("DEID-ID-MAP", f"{path}: its first line names no id_old and id_new")
    return _rows(path, columns, lines[1:])


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _rows(path: Path, columns: list[str], lines: list[list[str]]) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(lines, 2):
        if not any(cell.strip() for cell in line):
            continue
        where = f"{path}, line {number}"
        if len(line) > len(columns):
            raise UsageError("DEID-ID-MAP", f"{where}: it has more cells than there are columns")
        row = dict.fromkeys(_COLUMNS, "") | dict(zip(columns, (cell.strip() for cell in line), strict=False))
        old, new, name = (row[column] for column in _COLUMNS)
        if not old or not new:
            raise UsageError("DEID-ID-MAP", f"{where}: it wants both an old and a new Patient ID")
        if old in found:
            raise UsageError("DEID-ID-MAP", f"{where}: this patient has a row already")
        if old == new:
            raise UsageError("DEID-ID-MAP", f"{where}: the new Patient ID is the old one")
        checked_subject(new, name or new, where)
        found[old] = (new, name or new)
    if found.keys() & {new for new, _ in found.values()}:
        raise UsageError("DEID-ID-MAP", f"{path}: a new Patient ID is the old one of another row")
    return found


def add_to_id_map(path: Path, added: Mapping[str, str]) -> None:
    """Write further patients behind those of a table, whichever columns it has; begin it where it is not there.

    Raises
    ------
    OutputError
        ``DEID-ID-MAP`` where it cannot be written.
    """
    if not added:
        return
    try:
        before = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        head = before.partition("\n")[0] or "id_old,id_new"
        columns = [name.strip().lower() for name in head.split(_delimiter(head))]
        lines = io.StringIO()
        rows = csv.DictWriter(lines, columns, delimiter=_delimiter(head), lineterminator="\n", restval="")
        if not before:
            rows.writeheader()
        rows.writerows({"id_old": old, "id_new": new} for old, new in added.items())
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), "a", encoding="utf-8") as file:
            file.write("\n" * bool(before and not before.endswith("\n")) + lines.getvalue())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError("DEID-ID-MAP", f"the table of patients {path} cannot be written: {error.strerror}") from error
