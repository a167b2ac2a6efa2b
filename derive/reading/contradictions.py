"""Dimension Index Values that contradict the values that they stand for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from derive.model.remark import Remark
from derive.reading.dimension_pointers import indices, named_apartness, pointers_of_all
from derive.reading.header import Header

#: Times go on from slice to slice: within each position they are one to one.
_RUNNING = ("time", "clock")
Whole = NDArray[np.int64]


def contradictions(headers: Sequence[Header], slices: int) -> list[tuple[str, list[Remark]]]:
    """Say of each instance where index values are not one to one with what they stand for; values decide.

    Parameters
    ----------
    headers : sequence of Header
        Volume after volume, each along the normal.
    slices : int
        Of a volume.
    """
    found = []
    place = np.arange(len(headers)) % slices
    for pointer in pointers_of_all(headers):
        said, index = named_apartness(headers, pointer), indices(headers, pointer)
        if said is None:
            text = "is named by Dimension Index Sequence, and no frame has it"
            found.append(Remark("SRC-DIMENSION", pointer.keyword, text))
        if said is None or index is None or pointer.keyword == "StackID":
            continue
        levels = place if pointer.keyword == "InStackPositionNumber" else said.levels
        within = place if said.kind.kind in _RUNNING else np.zeros_like(place)
        if not _one_to_one(within, levels, index.levels):
            text = "has Dimension Index Values that do not go with its values; frames are sorted by their values"
            found.append(Remark("SRC-DIMENSION", pointer.keyword, text))
    return [(name, found) for name in dict.fromkeys(h.name for h in headers)] if found else []


def _one_to_one(within: Whole, levels: Whole, index: Whole) -> bool:
    pairs = np.unique(np.stack([within, levels, index], axis=1), axis=0)
    return all(len(np.unique(pairs[:, [0, column]], axis=0)) == len(pairs) for column in (1, 2))
