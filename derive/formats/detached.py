"""Files of numbers that a header of text names: one, a list of them, or a pattern that counts them up.

They lie beside the header or below. A header is text that anybody can write: one that names `/etc/passwd`,
`../other-patient/x.raw` or a link to it would have it read as an image.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from derive.errors import SourceError
from derive.formats.stored import Loaded, Stored, damaged, load

#: A number that a pattern counts up, as C writes it: blanks and digits apart, nothing that formats anything else.
_COUNTED = re.compile(r"%0?(\d{0,3})d")


class TextHeader(NamedTuple):
    """The header of a file that begins with text: its fields, its bytes, the lines behind it, and keys of its own."""

    fields: dict[str, str]
    size: int
    lines: tuple[str, ...] = ()
    pairs: Mapping[str, str] = MappingProxyType({})


class Several(NamedTuple):
    """Names of files, and how many axes each of them has; None for all but the last."""

    names: tuple[str, ...]
    axes: int | None = None


def beside(path: Path, name: str) -> Path:
    """Return the file that a header names as its data.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-OUTSIDE`` where it is neither beside the header nor below, ``SRC-MISSING`` where it is not there,
        ``SRC-UNREADABLE`` where it is no regular file, ``SRC-DAMAGED`` for a name that no file can have.
    """
    forms = PurePosixPath(name), PureWindowsPath(name)  # a header of another system names files its way
    leads_out = any(form.is_absolute() or form.drive or form.root or ".." in form.parts for form in forms)
    data = path.parent / name
    try:
        if leads_out or path.parent.resolve() not in data.resolve().parents:
            text = f"{path.name} names as its data what is neither beside it nor below; copy header and data into one"
            raise SourceError("SRC-OUTSIDE", f"{text} folder, and write the plain name into the header")
        there, regular = data.exists(), data.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # too long, a circle of links, a NUL
        raise damaged(path.name, f"it names as its data what no file is called ({type(error).__name__})") from error
    said = f"{data.name}, which {path.name} names as its data"
    if not there:
        raise SourceError("SRC-MISSING", f"{said}, does not exist; copy both")
    if not regular:
        raise SourceError("SRC-UNREADABLE", f"{said}, is no regular file; wanted a file")
    return data


def several(path: Path, named: str, lines: Sequence[str], most: int) -> Several | None:
    """Return what a header names as its data where that is not a single file.

    Parameters
    ----------
    path : Path
        The header.
    named : str
        ``LIST [axes]``, or ``pattern first last step [axes]``.
    lines : sequence of str
        What follows ``LIST``: a name a line.
    most : int
        How many files there can be.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED`` for a pattern that counts nothing, or more than there can be.
    """
    words = named.split()
    if words[:1] == ["LIST"]:
        return Several(tuple(line.strip() for line in lines if line.strip()), _axes(path, words[1:]))
    if not words or "%" not in words[0]:
        return None
    parts = _COUNTED.split(words[0])
    numbers = [int(w) for w in words[1:] if re.fullmatch(r"-?\d{1,9}", w)]
    if len(parts) != 3 or "%" in parts[0] + parts[2] or len(numbers) != len(words) - 1 or len(numbers) not in (3, 4):
        raise damaged(path.name, "the pattern of its data files is none")
    first, last, step = numbers[:3]
    counted = range(first, last + (1 if step > 0 else -1), step) if step else range(0)
    if not 0 < len(counted) <= most:
        raise damaged(path.name, f"it names {len(counted)} data files; wanted 1 to {most}")
    return Several(tuple(words[0] % n for n in counted), _axes(path, words[4:]))


def _axes(path: Path, words: Sequence[str]) -> int | None:
    if not words:
        return None
    if len(words) > 1 or not re.fullmatch(r"\d{1,2}", words[0]):
        raise damaged(path.name, "the axes of its data files are no number")
    return int(words[0])


def load_several(path: Path, found: Several, whole: Stored) -> tuple[Loaded, tuple[Path, ...]]:
    """Return the numbers of all files, one after another, and the files.

    Parameters
    ----------
    path : Path
        The header.
    found : Several
    whole : Stored
        All of it, as if it were in one file.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED`` where there are not as many files as the shape has.
    """
    axes = len(whole.shape) - 1 if found.axes is None else found.axes
    wanted = prod(whole.shape[axes:])
    if not 1 <= axes <= len(whole.shape) or len(found.names) != wanted:
        raise damaged(path.name, f"it names {len(found.names)} data files for {wanted} parts of its shape")
    files = tuple(beside(path, name) for name in found.names)
    parts = [load(replace(whole, path=file, shape=whole.shape[:axes])) for file in files]
    flat = np.concatenate([part.reshape(-1, order="F") for part, _ in parts])
    notes = tuple(dict.fromkeys(note for _, said in parts for note in said))
    return (flat.reshape(whole.shape, order="F"), notes), files
