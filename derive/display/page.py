"""A page of pictures as a value: what is on it, and how large in mm; nothing is drawn yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.display.cuts import Cut, Edges
from derive.model.grey import Grey

#: A scale bar is one of these times a power of ten, and at most this share of the longest side of any picture.
BARS = (1.0, 2.0, 5.0)
BAR_SHARE = 0.25
#: Colours of the least, no and the most difference, and of where there is none to be had.
DIVERGING = ((33, 102, 172), (247, 247, 247), (178, 24, 43))
NO_DIFFERENCE = (0, 0, 0)


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture.

    Parameters
    ----------
    image : (rows, columns) or (rows, columns, 3) uint8
        Grey levels, or R G B; a pixel a voxel, so pixels need not be square.
    size_mm : (height, width)
    caption : tuple of str
        Lines above it.
    edges : Edges, optional
        Letters of its edges; None where it is not known how it lies.
    bar_mm : float
        Length of its scale bar; 0 for none.
    ends : (str, str, str), optional
        Of a difference: what its least, middle and most colour mean.
    """

    image: NDArray[np.uint8]
    size_mm: tuple[float, float]
    caption: tuple[str, ...]
    edges: Edges | None = None
    bar_mm: float = 0.0
    ends: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class ShownDifference:
    """What was compared, and how far it is apart in the planes that are shown.

    Parameters
    ----------
    shown : float
        Differences from -shown to shown have a colour of their own.
    largest : float
        Largest one without its sign.
    mean : float
    method : str
        How values of the source were had at the places of the result.
    units : str
    """

    shown: float
    largest: float
    mean: float
    method: str
    units: str


@dataclass(frozen=True, eq=False)
class Page:
    """Pictures in rows, under some lines of text.

    Parameters
    ----------
    heading : tuple of str
    rows : tuple of tuples of Panel
    cuts : tuple of Cut
        The planes that are shown.
    grey : Grey
        The window, of the result where there are two.
    facts : mapping
        What else a program may want to know.
    difference : ShownDifference, optional
    """

    heading: tuple[str, ...]
    rows: tuple[tuple[Panel, ...], ...]
    cuts: tuple[Cut, ...]
    grey: Grey
    facts: dict[str, Any]
    difference: ShownDifference | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what is shown, for programs; no pixels."""
        planes = [
            {
                "plane": cut.plane,
                "slice": cut.index + 1,
                "of": cut.count,
                "at_mm": round(cut.at_mm, 3) if self.facts["placed"] else None,
                "edges": cut.edges._asdict() if self.facts["placed"] else None,
            }
            for cut in self.cuts
        ]
        difference = None if self.difference is None else dict(vars(self.difference))
        window = self.grey.to_json() if self.grey.function else None
        return self.facts | {"planes": planes, "window": window, "difference": difference}


def bar_for(longest_mm: float) -> float:
    """Length in mm of the scale bars of a page, all of one length, by the longest side of its pictures."""
    power = 10.0 ** np.floor(np.log10(longest_mm * BAR_SHARE))
    fitting = [bar * power for bar in BARS if bar * power <= longest_mm * BAR_SHARE * (1 + 1e-9)]
    return float(f"{fitting[-1]:.1g}")


def coloured(difference: NDArray[Any], shown: float) -> NDArray[np.uint8]:
    """Return R G B of a difference: blue below 0, white at 0, red above; black where there is none."""
    share = np.clip(np.nan_to_num(difference / shown), -1.0, 1.0)[..., None]
    low, none, high = (np.array(c, dtype=np.float64) for c in DIVERGING)
    colours = none + np.where(share < 0, (none - low) * share, (high - none) * share)
    colours[np.isnan(difference)] = NO_DIFFERENCE
    return np.rint(colours).astype(np.uint8)
