"""One series over another, in colours: uptake over anatomy, segments over the images that they are of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from derive.errors import UsageError
from derive.model.colours import Colours
from derive.model.derivation import GeometryEffect, ValuesEffect, short_text_of
from derive.model.frames import Volumes
from derive.operations.declaration import operation_along
from derive.operations.kit.others import Align, Others, aligned, each, picked
from derive.operations.kit.parameters import Two
from derive.operations.kit.pixelwise import by_pixel
from derive.told.wording import flag

if TYPE_CHECKING:
    from derive.operations.kit.blending import ByLabel, ByValue

#: Colours of values where nobody says any.
_USUAL = "hot-iron"
#: Opacity where nobody says any: of what covers the image below, and of lines around something.
_COVERING, _LINES = 0.5, 1.0


def _settled(volumes: Volumes, said: Mapping[str, Any]) -> dict[str, Any]:
    """Say windows, opacity and what the values are, where nobody did."""
    from derive.operations.kit.windows import ends_of, grey_of, is_labelled

    labels = bool(said["labels"]) or is_labelled(said["series"])
    _refuse(said, labels=labels)
    alpha = (_LINES if said["contour"] else _COVERING) if said["alpha"] is None else said["alpha"]
    found: dict[str, Any] = {"labels": labels, "alpha": alpha, "window": said["window"] or grey_of(volumes)}
    if not labels:
        found["over_window"] = said["over_window"] or ends_of(_only(said["series"]))
        found["colormap"] = said["colormap"] or _USUAL
    return found


def _only(series: Any) -> Any:
    found = each(series)
    if len(found) != 1:
        raise UsageError("OP-SERIES", f"{len(found)} series over the first; wanted one: lay the next over the result")
    return found[0]


def _refuse(said: Mapping[str, Any], *, labels: bool) -> None:
    """Refuse what does not go together."""
    alpha, over = said["alpha"], said["over_window"]
    if alpha is not None and not 0 <= alpha <= 1:
        raise UsageError("OP-ALPHA", f"alpha {alpha:g}; wanted 0 (not seen) to 1 (nothing below is seen)")
    for name, pair in (("window", said["window"]), ("over_window", over)):
        if pair is not None and not (len(pair) == 2 and all(map(math.isfinite, pair))):
            raise UsageError("OP-WINDOW", f"{name} {short_text_of(tuple(pair))}; wanted two numbers")
    if said["window"] is not None and said["window"][1] <= 0:
        raise UsageError("OP-WINDOW", f"window of width {said['window'][1]:g}; wanted a center, and a width above 0")
    if over is not None and over[1] <= over[0]:
        ends = f"{over[0]:g} {over[1]:g}; wanted the value of the first colour, and above it that of the last"
        raise UsageError("OP-WINDOW", f"over_window {ends}")
    if labels and over is not None:
        without = flag("over_window")
        raise UsageError("OP-WINDOW", f"labels have colours of their own, and no window; leave out {without}")
    if labels and said["colormap"] is not None:
        raise UsageError("OP-COLORMAP", f"labels have colours of their own; leave out {flag('colormap')}")
    if labels and said["alpha_by"] != "constant":
        raise UsageError("OP-ALPHA", f"labels are no more and no less; leave out {flag('alpha_by')}")
    if not labels and said["contour"]:
        raise UsageError("OP-LABELS", f"lines are drawn around labels; say that the values are that: {flag('labels')}")


def _paint(over: Any, said: Mapping[str, Any]) -> ByValue | ByLabel:
    """Return what gives the values of the second series their colours."""
    from derive.operations.kit.blending import ByLabel, ByValue
    from derive.operations.kit.windows import colours_of, dark_is_most
    from derive.pixels.palettes import colour_of_number, palette_of

    origin = getattr(over, "origin", over)
    if said["labels"]:
        return ByLabel(colours_of(origin), colour_of_number, said["alpha"], said["contour"])
    low, high = map(float, said["over_window"])
    growing = said["alpha_by"] == "value"
    return ByValue(palette_of(said["colormap"]), low, high, said["alpha"], growing, dark_is_most(origin))


def _short(given: Mapping[str, Any]) -> str:
    """Colours and opacity in a few words."""
    what = ("contours" if given["contour"] else "labels") if given["labels"] else given["colormap"] or _USUAL
    words = ["overlay", what, *([] if given["alpha"] is None else [short_text_of(given["alpha"])])]
    return " ".join([*words, *([f"segment {given['segment']}"] if given["segment"] else [])])


@operation_along(
    "PixelByPixelAddition",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.NEW_QUANTITY,
    terms={"ColorSpace": "SRGB"},
    example={"colormap": "hot-iron", "alpha": 0.4, "window": (40, 400), "over_window": (0, 10)},
    short=_short,
    in_planes=by_pixel,
    mixes=lambda given: False,
    settles=_settled,
    makes_colours=True,
)
def overlay(
    volumes: Volumes,
    series: Others,
    *,
    colormap: str | None = None,
    alpha: float | None = None,
    alpha_by: Literal["constant", "value"] = "constant",
    window: Two | None = None,
    over_window: Two | None = None,
    labels: bool = False,
    contour: bool = False,
    segment: str | None = None,
    threshold: float | None = None,
    align: Align = "resample",
) -> Colours:
    """Lay one series over another in colours: Secondary Capture at the places of the first.

    What lies at or below the lower end of the colours, has no value, or is not there shows the first series alone.

    Parameters
    ----------
    volumes : Volumes
    series : SourceSeries, Segmentation or Volume
        What is laid over the first: of the same patient, and in the same frame of reference.
    colormap : str, optional
        Colours of its values: a palette of DICOM (hot-iron, pet, hot-metal-blue, pet-20-step, spring, summer, fall,
        winter), by its name or its UID; or one of matplotlib, where that is installed; hot-iron without.
    alpha : float, optional
        Opacity of the second series, 0 to 1; without it 0.5, of contours 1.
    alpha_by : {"constant", "value"}
        Whether it is the same everywhere above the lower end, or grows from 0 there to alpha at the upper end.
    window : (center, width), optional
        Values of the first series that are shown from black to white, in their units; without it the series' own
        window, else one that nearly all values are in.
    over_window : (low, high), optional
        Values of the second series that have the first and the last colour; without it those of its own window, of
        PET from 0 to what 99.9 % of the voxels with uptake lie below.
    labels : bool
        Whether the values of the second series are numbers of things, each with a colour of its own, and 0 is none;
        those of a DICOM Segmentation always are, and have the colours that it recommends.
    contour : bool
        Whether lines are drawn around labels, and nothing inside.
    segment : str, optional
        Of a DICOM Segmentation the number, label or code of a segment, or several between commas; all without. Where
        segments overlap, the highest number is seen.
    threshold : float, optional
        What a fraction of a fractional segmentation is larger than where it holds; it has to be said.
    align : {"geometry", "resample"}
        Whether the second series has to lie on the grid of the first within 0.01 mm, or is interpolated on it; of
        labels the nearest counts.

    Raises
    ------
    SourceError
        ``SRC-PATIENT`` for a series of another patient.
    GeometryError
        ``GEO-FOR`` for another frame of reference, ``GEO-GRID`` for another grid, ``GEO-OVERLAP`` for one that lies
        elsewhere, ``GEO-4D`` for other volumes.
    UsageError
        ``OP-ALPHA``, ``OP-COLORMAP``, ``OP-WINDOW``, ``OP-LABELS``, ``OP-SEGMENT``, ``OP-THRESHOLD``, ``OP-SERIES``.
    """
    from derive.model.grey import Grey
    from derive.operations.kit.blending import Blend
    from derive.operations.kit.windows import is_labelled, labels_of, shown_inverted

    over = _only(series)
    said: dict[str, Any] = {"alpha": alpha, "window": window, "over_window": over_window, "contour": contour}
    said |= {"colormap": colormap, "alpha_by": alpha_by}
    said |= _settled(volumes, {**said, "labels": labels, "series": over})
    paint, segmented = _paint(over, said), is_labelled(over)
    center, width = map(float, said["window"])
    grey = Grey(center, width, "LINEAR_EXACT", "")
    whole = labels_of(over, volumes, segment, threshold) if segmented else over
    blends = []
    for number, volume in enumerate(volumes.volumes):
        beside = picked({"series": (whole,)}, number)["series"]
        (above,) = aligned(volume, beside, align, "nearest" if said["labels"] else "linear")
        blends.append(Blend(volume, above, grey, shown_inverted(volumes.source), paint))
    like = Volumes(tuple(blend.placed for blend in blends), volumes.dimensions, cine=volumes.cine)
    return Colours.of(like, [blend.pull for blend in blends])
