"""From what is looked at to a page: which planes, which window, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.display import compare
from derive.display.cuts import Cut, Progress, cuts_of, values_of
from derive.display.page import Page, Panel, ShownDifference, bar_for, coloured
from derive.display.sight import Sight
from derive.errors import UsageError
from derive.model.grey import IN_COLOURS, Grey, asked, of_values
from derive.model.volume import Array, shown_units
from derive.told.wording import flag

#: Differences beyond this percentile share the colour of the ends, so that a few do not hide the others.
RANGE_PERCENT = 99.5


@dataclass(frozen=True)
class Wishes:
    """What is asked of a page.

    Parameters
    ----------
    plane : {"axial", "coronal", "sagittal"}, optional
        Only this one.
    window : (center, width), optional
        Instead of the series' own.
    slice_number : int, optional
        Instead of the middle, from 1: of the plane asked for, else of the slices of the volume.
    show_patient : bool
        Whether the name and ID of the patient are shown.
    most_slices : int, optional
        How many slices may be decoded for planes across them; all without.
    """

    plane: str | None = None
    window: Sequence[float] | None = None
    slice_number: int | None = None
    show_patient: bool = False
    most_slices: int | None = None


def page_of(sight: Sight, wishes: Wishes | None = None, progress: Progress | None = None) -> Page:
    """Compose the middle planes of one volume.

    Raises
    ------
    UsageError
        ``SHOW-PLANE``, ``SHOW-SLICE``, ``SHOW-WINDOW``, ``SHOW-COLOUR``.
    """
    wishes = wishes or Wishes()
    window = None if wishes.window is None else asked(wishes.window)
    cuts = cuts_of(sight.geometry, wishes.plane, wishes.slice_number)
    each = [values_of(v, cuts, progress, wishes.most_slices) for v in (sight.volume, *sight.colours)]
    planes: Sequence[NDArray[Any]] = each[0]
    grey = IN_COLOURS if sight.colours else window or sight.grey or of_values(each[0])
    if sight.colours:
        refuse_colours(window is not None, f"have no window; leave out {flag('window')}")
        planes = [colours_of(samples) for samples in zip(*each, strict=True)]
    panels = tuple(_panel(sight, cut, values, grey, _bar(cuts)) for cut, values in zip(cuts, planes, strict=True))
    heading = [*_who(sight, wishes), sight.extent + _unplaced(sight), f"{_how(sight, grey)}, {sight.values_text()}"]
    return Page(tuple(heading), (panels,), cuts, grey, _facts(sight))


def comparison_of(result: Sight, source: Sight, wishes: Wishes | None = None, progress: Progress | None = None) -> Page:
    """Compose source, result and their difference, at the places of the result.

    Both have the window of the result where they are in the same units.

    Raises
    ------
    UsageError
        ``SHOW-PLANE``, ``SHOW-SLICE``, ``SHOW-WINDOW``, ``SHOW-PLACE``.
    GeometryError
        ``SHOW-FRAME``, ``SHOW-APART`` for volumes whose places cannot be compared, or do not meet.
    """
    wishes = wishes or Wishes()
    window = None if wishes.window is None else asked(wishes.window)
    refuse_colours(bool(result.colours or source.colours), "are compared by derive diff; show each by itself")
    compare.check(result, source)
    cuts = cuts_of(result.geometry, wishes.plane, wishes.slice_number)
    planes = values_of(result.volume, cuts, progress, wishes.most_slices)
    against = compare.planes_of(source, cuts, progress)
    grey = window or result.grey or of_values(planes)
    alike = result.units == source.units
    other = grey if window or alike else source.grey or of_values(against.pictures)
    apart = [r - s for r, s in zip(planes, against.values, strict=True)] if alike else []
    difference = _difference(apart, against.method, result.units)
    rows, bar_mm = [], _bar(cuts)
    for i, cut in enumerate(cuts):
        left = _panel(source, cut, against.pictures[i], other, bar_mm)
        middle = _panel(result, cut, planes[i], grey, bar_mm)
        right = [_apart(middle, apart[i], difference)] if difference else []
        rows.append((_titled(left, "source", against.captions[i]), _titled(middle, "result", middle.caption), *right))
    heading = [
        *(f"{title}: {line}" for title, s in (("source", source), ("result", result)) for line in _about(s, wishes)),
        *(
            [_how(result, grey)]
            if other == grey
            else [f"source: {_how(source, other)}", f"result: {_how(result, grey)}"]
        ),
        against.method + (f"; {against.note}" if against.note else ""),
        _said(difference, source, result),
    ]
    return Page(tuple(heading), tuple(rows), cuts, grey, _facts(result), difference)


def colours_of(samples: Sequence[Array]) -> NDArray[np.uint8]:
    """Return R G B of the values of three samples: (rows, columns, 3)."""
    return np.clip(np.rint(np.stack(samples, -1)), 0, 255).astype(np.uint8)


def refuse_colours(asked_for: bool, why: str) -> None:
    """Refuse what colours have not, where it is asked for.

    Raises
    ------
    UsageError
        ``SHOW-COLOUR``
    """
    if asked_for:
        raise UsageError("SHOW-COLOUR", f"colours {why}")


def caption_of(cut: Cut, *, placed: bool = True) -> tuple[str, str]:
    """Which plane, which of how many, and where."""
    if placed or not cut.geometry.in_patient:
        return cut.name, cut.which
    return "plane", f"{cut.index + 1} of {cut.count}"


def _titled(panel: Panel, title: str, caption: tuple[str, ...]) -> Panel:
    return replace(panel, caption=(f"{title}, {caption[0]}", *caption[1:]))


def _bar(cuts: Sequence[Cut]) -> float:
    return bar_for(max(mm for cut in cuts for mm in cut.size_mm))


def _panel(sight: Sight, cut: Cut, values: NDArray[Any], grey: Grey, bar_mm: float) -> Panel:
    return Panel(
        values if values.dtype == np.uint8 else grey.levels(values, inverted=bool(sight.inverted)),
        cut.size_mm,
        caption_of(cut, placed=sight.placed),
        cut.edges if sight.placed else None,
        bar_mm if sight.sized else 0.0,
    )


def _apart(panel: Panel, apart: Array, difference: ShownDifference) -> Panel:
    """Show a difference as the picture of the result is shown."""
    end = f"{difference.shown:.4g}{shown_units(difference.units)}"
    colours, ends = coloured(apart, difference.shown), (f"-{end}", "0", f"+{end}")
    return replace(panel, image=colours, caption=("difference", "result - source"), ends=ends)


def _difference(apart: Sequence[Array], method: str, units: str) -> ShownDifference | None:
    if not apart:
        return None
    values = np.concatenate([a.ravel() for a in apart])
    values = values[np.isfinite(values)].astype(np.float64)
    if not values.size:
        return ShownDifference(1.0, 0.0, 0.0, method, units)
    largest = float(np.abs(values).max())
    shown = float(np.percentile(np.abs(values), RANGE_PERCENT)) or largest or 1.0
    return ShownDifference(shown, largest, float(values.mean()), method, units)


def _said(difference: ShownDifference | None, source: Sight, result: Sight) -> str:
    if difference is None:
        there, here = (shown_units(s.units).strip() or "no units" for s in (source, result))
        return f"no difference is shown: the source is in {there}, the result in {here}"
    if difference.largest == 0:
        return "difference: none in these planes"
    units = shown_units(difference.units)
    return (
        f"difference: colours from -{difference.shown:.4g} to +{difference.shown:.4g}{units}; in these planes the "
        f"largest is {difference.largest:.4g}{units}, the mean {difference.mean:.3g}{units}; black: no value"
    )


def _who(sight: Sight, wishes: Wishes) -> list[str]:
    return [sight.name, *([f"patient: {sight.patient or 'not stated'}"] if wishes.show_patient else [])]


def _about(sight: Sight, wishes: Wishes) -> list[str]:
    """One line: what it is, of whom if asked, and its grid."""
    return [", ".join([*_who(sight, wishes), sight.extent, sight.values_text()])]


def _how(sight: Sight, grey: Grey) -> str:
    return grey.says(sight.units) + (f"; {sight.inverted}" if sight.inverted else "")


def _unplaced(sight: Sight) -> str:
    return "" if sight.placed else "; the file does not say how it lies in the patient"


def _facts(sight: Sight) -> dict[str, Any]:
    geometry = sight.geometry
    return {
        "placed": sight.placed,
        "voxels_xyz": list(geometry.shape[::-1]),
        "spacing_xyz_mm": list(geometry.spacing[::-1]) if sight.sized else None,
        "units": sight.units,
        "inverted": sight.inverted,
    }
