"""Asking the program tesseract for the words in a picture."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.errors import UsageError, ValuesError
from derive.pixels.area import Area

PROGRAM = "tesseract"
#: Sparse text: as much of it as there is, in no order.
_SPARSE = ("--psm", "11")
#: Words of letters that are 10 pixels high are found far better three times as large.
_SHORT_SIDE, _MOST_TIMES = 1000, 3
_LONG_SIDE = 4096
#: A program that hangs is ended after so many seconds.
_HANGS = 300
_WORD_LEVEL, _FIELDS = "5", 12


class Word(NamedTuple):
    """A word that was recognised.

    Parameters
    ----------
    text : str
    confidence : float
        Of the program, up to 100.
    area : Area
        Where it stands.
    line : tuple of int
        Which line of which picture it is in.
    """

    text: str
    confidence: float
    area: Area
    line: tuple[int, ...]


@cache
def is_there() -> bool:
    """Whether the program is installed."""
    return shutil.which(PROGRAM) is not None


def check_there() -> None:
    """Refuse where the program is not installed.

    Raises
    ------
    UsageError
        ``DEID-OCR``
    """
    if not is_there():
        raise UsageError(
            "DEID-OCR",
            f"text in pictures is recognised by the program {PROGRAM}, which is not installed here: "
            "apt install tesseract-ocr, or brew install tesseract",
        )


def words_in(picture: NDArray[np.uint8], number: int) -> Iterator[Word]:
    """Give the words in a picture, light on dark and dark on light.

    Parameters
    ----------
    picture : (rows, columns) uint8
    number : int
        Of the picture, for :attr:`Word.line`.

    Raises
    ------
    ValuesError
        ``DEID-OCR`` if the program fails.
    """
    scale = _scale(picture.shape)
    large = _resized(picture, scale)
    for polarity, shown in enumerate((large, 255 - large)):
        yield from _parsed(_asked(shown), scale, picture.shape, (number, polarity))


def _scale(shape: tuple[int, ...]) -> float:
    wanted = min(_MOST_TIMES, max(1.0, _SHORT_SIDE / min(shape)))
    return min(wanted, _LONG_SIDE / max(shape))


def _resized(picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    import cv2

    if scale == 1:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    way = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, size, interpolation=way), np.uint8)


def _asked(picture: NDArray[np.uint8]) -> str:
    """Run the program on a picture: PGM in, a table out; nothing is written to a disk."""
    head = f"P5\n{picture.shape[1]} {picture.shape[0]}\n255\n".encode()
    command = [PROGRAM, "stdin", "stdout", *_SPARSE, "tsv"]
    one_thread = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    try:
        done = subprocess.run(
            command,
            input=head + np.ascontiguousarray(picture).tobytes(),
            capture_output=True,
            timeout=_HANGS,
            env=one_thread,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ValuesError("DEID-OCR", f"{PROGRAM} failed while it looked for text ({type(error).__name__})") from error
    return done.stdout.decode("utf-8", "replace")


def _parsed(table: str, scale: float, shape: tuple[int, ...], where: tuple[int, int]) -> Iterator[Word]:
    for row in table.splitlines()[1:]:
        fields = row.split("\t")
        if len(fields) < _FIELDS or fields[0] != _WORD_LEVEL or not fields[11].strip():
            continue
        left, top, width, height = map(int, fields[6:10])
        area = Area(
            int(left / scale),
            int(top / scale),
            min(shape[1], -int(-(left + width) // scale)),
            min(shape[0], -int(-(top + height) // scale)),
        )
        yield Word(fields[11].strip(), float(fields[10]), area, (*where, *map(int, fields[2:5])))
