"""Diffusion in the header of an NRRD, as 3D Slicer and others have it: ``modality:=DWMRI`` and a gradient a volume.

A gradient is along the axes of the measurement frame, which stand in the space of the file; the square of its length is
the share that its b-value has of the largest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from derive.formats.axes import SIGNS
from derive.formats.beside import Weights
from derive.formats.stored import damaged
from derive.formats.textual import numbers

_MODALITY, _LARGEST, _GRADIENT, _REPEATS = "modality", "DWMRI_b-value", "DWMRI_gradient_", "DWMRI_NEX_"
#: How far from 1 the length of a gradient may be that was written with few digits: it has the largest b-value.
_ROUNDED = 1e-3
_FRAME = re.compile(r"\(([^()]*)\)")


def pairs_of(lines: Sequence[str]) -> dict[str, str]:
    """Return the keys of somebody's own in the lines of a header, ``key:=value``."""
    found = (line.partition(":=") for line in lines if ":=" in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in found}


def is_weighted(pairs: Mapping[str, str]) -> bool:
    """Whether the volumes are weighted by diffusion."""
    return pairs.get(_MODALITY, "").upper() == "DWMRI"


def weights_in(pairs: Mapping[str, str], fields: Mapping[str, str], count: int, name: str) -> Weights | None:
    """Return how volumes are weighted; None where the header does not say it of all.

    Parameters
    ----------
    pairs, fields : mapping
        Keys of somebody's own, and fields of the format, of the header.
    count : int
        How many volumes there are.
    name : str
        Of the file.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED`` for gradients that are not as many as volumes, or no numbers.
    """
    signs = SIGNS.get(fields.get("space", "").lower())
    if not is_weighted(pairs) or _LARGEST not in pairs or signs is None:
        return None
    (largest,) = numbers(pairs[_LARGEST], 1, _LARGEST, name) or (0.0,)
    gradients = np.array(_gradients(pairs, count, name))
    shares = np.linalg.norm(gradients, axis=1)
    if not np.isfinite(gradients).all() or not np.isfinite(largest) or largest < 0:
        raise damaged(name, "its gradients (DWMRI_gradient) or its b-value are no numbers")
    frame = _frame(fields, name)
    weights = [largest if abs(s - 1) < _ROUNDED else float(f"{largest * s * s:.7g}") for s in shares]
    along = gradients @ frame.T * signs
    directions = tuple(_unit(g) if b > 0 else None for g, b in zip(along, weights, strict=True))
    return Weights(tuple(weights), directions)


def _gradients(pairs: Mapping[str, str], count: int, name: str) -> list[tuple[float, ...]]:
    found: list[tuple[float, ...]] = []
    while len(found) < count:
        key = f"{_GRADIENT}{len(found):04d}"
        if key not in pairs:
            break
        repeats = pairs.get(f"{_REPEATS}{len(found):04d}", "1")
        if not repeats.isdigit() or not 1 <= int(repeats) <= count:
            raise damaged(name, f"a gradient counts {repeats[:8]} times (DWMRI_NEX)")
        found += [numbers(pairs[key], 3, key, name) or (np.nan,) * 3] * int(repeats)
    if len(found) != count or f"{_GRADIENT}{count:04d}" in pairs:
        raise damaged(name, f"its header has not one gradient (DWMRI_gradient) for each of {count} volumes")
    return found


def _frame(fields: Mapping[str, str], name: str) -> NDArray[np.float64]:
    """(3, 3): an axis of the measurement frame a column, in the space of the file; its own axes where it has none."""
    text = fields.get("measurementframe", "")
    rows = [numbers(row.replace(",", " "), 3, "measurement frame", name) for row in _FRAME.findall(text)]
    if not text:
        return np.eye(3)
    if len(rows) != 3 or None in rows:
        raise damaged(name, "its measurement frame is not of three vectors")
    found = np.array(rows, dtype=np.float64).T
    if not np.isfinite(found).all() or abs(abs(np.linalg.det(found)) - 1) > _ROUNDED:
        raise damaged(name, "its measurement frame turns nothing: it is not of three unit vectors at right angles")
    return found


def _unit(gradient: NDArray[np.float64]) -> tuple[float, ...]:
    found = np.round(gradient / np.linalg.norm(gradient), 9) + 0.0
    return tuple(float(v) for v in found)
