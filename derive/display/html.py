"""What a notebook shows of an object: three small planes and a table. It never raises, and names no patient."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from PIL import Image

from derive.builder import DerivedSeries
from derive.checking.finding import folded
from derive.display.compose import Wishes, page_of
from derive.display.draw import png_of
from derive.display.layout import SMALL
from derive.display.sight import Sight, sight_of
from derive.errors import DeriveError
from derive.model.classes import target_of
from derive.model.dimension import Dimension
from derive.model.frames import Frames, Volumes
from derive.model.geometry import Geometry, extent_of, letters_of
from derive.model.source import Attributes, SourceSeries
from derive.model.volume import Volume
from derive.reading.read import read
from derive.told.wording import counted
from derive.writing.report import Report

#: Slices that are decoded for the planes across them, at most.
MOST_SLICES = 63
#: Longest side of a small picture in pixels.
SMALL_SIDE = 150
LEFT = 'style="text-align:left"'

Rows = list[tuple[str, str]]
#: Gives the PNG, and what can only be told after it was made.
Drawing = Callable[[], tuple[bytes, Rows]]


def html_of_volume(volume: Volume) -> str:
    """Return a volume as HTML: its middle planes and its geometry."""
    return _shown("Volume", lambda: _grid(volume.geometry), partial(_planes, lambda: sight_of(volume)))


def html_of_source(series: SourceSeries) -> str:
    """Return a source series as HTML; at most 64 of its images are decoded."""
    return _shown("SourceSeries", lambda: _of_source(series), partial(_planes, lambda: sight_of(series)))


def html_of_derived(series: DerivedSeries) -> str:
    """Return a derived series as HTML; the slices that are shown are computed for it."""
    drawing = partial(_planes, lambda: sight_of(series)) if series.frames.volumes else partial(_picture, series.frames)
    return _shown("DerivedSeries", lambda: _of_derived(series), drawing)


def html_of_report(report: Report) -> str:
    """Return a report as HTML, with the middle planes of the series that was written, if it is still there."""
    return _shown("Report", lambda: _of_report(report), partial(_planes, lambda: sight_of(read(report.files))))


def _shown(kind: str, table: Callable[[], Rows], drawing: Drawing) -> str:
    """Join picture and table; say of either why it is not there."""
    picture, rows = "", []
    try:
        rows = table()
    except Exception as error:  # a display must not break a notebook
        rows = [("table", _why(error))]
    try:
        png, more = drawing()
        rows += more
        data = base64.b64encode(png).decode("ascii")
        picture = f'<img alt="middle planes" style="max-width:100%" src="data:image/png;base64,{data}"/>'
    except Exception as error:  # the same
        rows.append(("picture", _why(error)))
    lines = "".join(
        f"<tr><th {LEFT}>{html.escape(name)}</th><td {LEFT}>{html.escape(value)}</td></tr>" for name, value in rows
    )
    return f"<div><b>derive.{html.escape(kind)}</b><br/>{picture}<table>{lines}</table></div>"


def _why(error: Exception) -> str:
    """Texts of our own errors hold no patient data; of others nobody knows."""
    return f"none: {error if isinstance(error, DeriveError) else type(error).__name__}"


def _planes(look: Callable[[], Sight]) -> tuple[bytes, Rows]:
    sight = look()
    page = page_of(sight, Wishes(most_slices=MOST_SLICES))
    shown = _window_rows(page.grey.says(sight.units), sight.inverted)
    return png_of(page, SMALL), [*shown, ("units", sight.units)]


def _window_rows(window: str, inverted: str) -> Rows:
    """What the heading of a page says, for a table."""
    return [("window", window.removeprefix("window ")), *([("shown", inverted)] if inverted else [])]


def _picture(frames: Frames) -> tuple[bytes, Rows]:
    """Draw the page in the middle as it is: black is 0, white the most that its bits hold."""
    middle = frames.count // 2
    page = frames.slab(middle, middle + 1)[0]
    levels = page if page.dtype == np.uint8 else np.rint(page * (255.0 / max(1, int(page.max())))).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(levels))
    image.thumbnail((SMALL_SIDE, SMALL_SIDE))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue(), []


def _grid(geometry: Geometry | None) -> Rows:
    if geometry is None:
        return [("place", "none: pictures lie nowhere")]
    if not geometry.in_patient:
        return [("grid (x y)", extent_of(geometry)), ("place", "none in a patient: images without an Image Plane")]
    directions = geometry.directions
    slices, rows, columns = (letters_of(directions[:, axis]) for axis in range(3))
    first = ", ".join(f"{v:.2f}" for v in geometry.first_position)
    return [
        ("grid (x y z)", extent_of(geometry)),
        ("columns, rows, slices run to", f"{columns}, {rows}, {slices}"),
        ("first voxel", f"{first} mm"),
    ]


def _of_source(series: SourceSeries) -> Rows:
    return [
        *_what(series, target_of(series.sop_class_uid).modality),
        ("images", f"{len(series.frames)}, skipped beside them: {counted(len(series.skipped), 'file')}"),
        *_volumes(series.volumes, series.dimensions),
        *_grid(series.geometry),
    ]


def _volumes(volumes: Sequence[Volume], dimensions: Sequence[Dimension]) -> Rows:
    if len(volumes) < 2:
        return []
    told = ", ".join(d.keyword for d in dimensions)
    return [
        ("volumes", f"{len(volumes)} by {told}; the first is shown" if told else f"{len(volumes)}, the first shown")
    ]


def _what(source: Attributes, modality: str) -> Rows:
    description = source.value("SeriesDescription", 0)
    return [("modality", modality), ("description", "" if description is None else str(description))]


def _of_derived(series: DerivedSeries) -> Rows:
    said = series.options.series_description
    return [
        ("modality", series.order.target.modality),
        *([("description", said)] if said else []),
        ("images", str(series.count)),
        *_volumes(series.frames.volumes, series.frames.dimensions if isinstance(series.frames, Volumes) else ()),
        *_grid(series.frames.geometry),
        *_steps([s.description for s in series.derivation.steps]),
    ]


def _of_report(report: Report) -> Rows:
    said = "none" if not report.findings else counted(len(folded(report.findings)), "warning")
    return [
        ("folder", str(report.folder)),
        ("images", str(len(report.instances))),
        *_steps([s.description for s in report.derivation.steps]),
        ("geometry within", f"{report.geometry_error_mm:.4f} mm"),
        ("values within", f"{report.value_error:.4g} {report.units}"),
        ("values clipped", str(report.saturated)),
        ("findings", said),
    ]


def _steps(steps: Sequence[str]) -> Rows:
    return [(f"step {number}", step) for number, step in enumerate(steps, 1)]
