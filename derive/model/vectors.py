"""What tells the frames of a Nuclear Medicine image apart: index vectors, a number a frame (PS3.3 C.8.4.8).

``vectors.tsv`` has a row for each vector. ``counts`` says what its numbers are: ``items``, of those of ``sequence``,
from 1 on, of which there are ``number``; ``steps`` of a course, each as long as the others; or ``slices`` of a volume.
``within`` is the vector whose item says how the steps go, and ``lasting`` where in an item it stands for how long a
frame was acquired, ms.

``vector_types.tsv`` has, by Image Type value 3, which vectors there are, in the order in which Frame Increment Pointer
names them, what changes most rapidly last (Table C.8-8), whether the frames are slices of a volume (``placed``), and
whether the image itself says for how long each was acquired (``lasting``).
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias, cast

#: What the numbers of a vector are of.
Counts: TypeAlias = Literal["items", "steps", "slices"]


@dataclass(frozen=True)
class FrameVector:
    """One row of ``vectors.tsv``.

    Parameters
    ----------
    keyword : str
    counts : {"items", "steps", "slices"}
    number : str
        Attribute that says how many there are; empty where an item says it.
    sequence : str
        Attribute whose items it numbers; empty without.
    within : str
        Vector of whose item it counts the steps; empty without.
    lasting : tuple of str
        Keywords, from the item down, of how long a frame was acquired.
    """

    keyword: str
    counts: Counts
    number: str
    sequence: str
    within: str
    lasting: tuple[str, ...]


@dataclass(frozen=True)
class FrameType:
    """One row of ``vector_types.tsv``.

    Parameters
    ----------
    image_type : str
        Image Type value 3.
    vectors : tuple of str
        Keywords, in the order of Frame Increment Pointer.
    placed : bool
        Whether its frames are slices of a volume, and can say where in the patient they lie.
    lasting : bool
        Whether Actual Frame Duration says for how long each frame was acquired (C.8.4.9).
    """

    image_type: str
    vectors: tuple[str, ...]
    placed: bool
    lasting: bool


def _lines(name: str) -> list[dict[str, str]]:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))


@cache
def frame_vectors() -> Mapping[str, FrameVector]:
    """Return all vectors by keyword."""
    return {r["keyword"]: _vector(r) for r in _lines("vectors.tsv")}


def _vector(row: Mapping[str, str]) -> FrameVector:
    lasting = tuple(filter(None, row["lasting"].split(">")))
    counts = cast(Counts, row["counts"])
    return FrameVector(row["keyword"], counts, row["number"], row["sequence"], row["within"], lasting)


@cache
def frame_types() -> Mapping[str, FrameType]:
    """Return all kinds of images by Image Type value 3."""
    return {
        r["image_type"]: FrameType(
            r["image_type"], tuple(r["vectors"].split("|")), r["placed"] == "yes", r["lasting"] == "yes"
        )
        for r in _lines("vector_types.tsv")
    }


def type_without(image_type: str, merged: Collection[str]) -> FrameType | None:
    """Return what images are of which some vectors tell nothing any more; None for a type that the table has not.

    Courses end together with what they go in: frames of one phase that were made one are no phase, and of rotations
    without views nothing turns. Where no other type has the vectors that are left, it stays what it was.

    >>> type_without("RECON GATED TOMO", {"TimeSlotVector", "RRIntervalVector"}).image_type
    'RECON TOMO'
    """
    own = frame_types().get(image_type)
    if own is None:
        return None
    left = tuple(keyword for keyword in own.vectors if keyword not in merged)
    same = (t for t in frame_types().values() if t.vectors == left and t.placed == own.placed)
    return own if left == own.vectors else next(same, own)
