"""Pages of pictures as Secondary Capture: what a series shows, as images that anybody can look at.

*2026-12-01, what stands on a page.* Letters of the edges, a scale and which slice it is name nobody; the patient is
written on a page only where that is asked for, and Burned In Annotation says YES then (PS3.3 C.7.6.1). What may be
burned into the source nobody knows but who looked: of images that lie in no patient, such as ultrasound, it has to be
said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.authoring.options import options_of
from derive.authoring.order import Order
from derive.authoring.pictured import burned_in_said, drawn_of
from derive.authoring.prepare import source_encoding
from derive.builder import DerivedSeries
from derive.display.compose import caption_of, colours_of, refuse_colours
from derive.display.cuts import PLANES, Cut, cut_of, cuts_of, values_of
from derive.display.draw import PAPER, image_of
from derive.display.layout import Style
from derive.display.page import Page, Panel, bar_for
from derive.display.sight import Sight, sight_of
from derive.errors import UsageError
from derive.model.classes import PICTURE_KINDS, makes_pictures
from derive.model.derivation import Derivation, GeometryEffect, Step, ValuesEffect, text_of
from derive.model.frames import Pictures, Volumes
from derive.model.grey import IN_COLOURS, Grey, asked, of_values
from derive.model.pages import check_pages, numbered
from derive.model.reference import FrameRef
from derive.model.source import Sources, SourceSeries
from derive.model.stacking import coloured, in_colours, stacked
from derive.operations.kit.coding import derivation_code
from derive.reading.files import Source
from derive.reading.read import read
from derive.told.progress import tell
from derive.told.wording import flag

#: How many pictures a page has, down and across, where nobody says it; and the most along a side.
USUAL, MOST = (3, 3), 20
#: Pixels of a page along its longer side, at most; a picture is no larger than one of ``derive show``.
LARGEST_PAGE, LARGEST_BOX = 1536, 420
#: Why images are referred to (CID 7202), and what was done (CID 7203): slices as they are, planes across them, times.
MONTAGE = "SourceImageForMontage"
SLICES, ACROSS = "SpatiallyRelatedFramesExtractedFromTheVolume", "MultiplanarReformatting"
TIMES = "TemporallyRelatedFramesExtractedFromTheSetOfVolumes"
#: Whether a plane is gone through against its normal, which points to L, P and H: pages go from the head to the feet.
_BACKWARDS = {"axial"}


@dataclass(frozen=True)
class Capture:
    """What is asked of the pages.

    Parameters
    ----------
    layout : (int, int) or str
        How many pictures stand below and beside each other: ``3x3``.
    plane : {"axial", "coronal", "sagittal"}, optional
        Of the volume's own grid; without it that of its slices. Images that lie in no patient have none but their own.
    every : int, optional
        Each so-many-th slice, on as many pages as it takes; without it one page, whose slices are spread evenly.
    window : (center, width), optional
        In real-world values; without it the series' own, else one from the values.
    letters, scale, captions : bool
        Whether letters of the patient's sides, a scale in mm, and which slice it is stand beside the pictures.
    patient : bool
        Whether name and ID of the patient are written on the pages.

    Raises
    ------
    UsageError
        ``CAP-LAYOUT``, ``CAP-EVERY``, ``SHOW-PLANE``, ``SHOW-WINDOW``.
    """

    layout: tuple[int, int] | str = USUAL
    plane: str | None = None
    every: int | None = None
    window: Sequence[float] | None = None
    letters: bool = False
    scale: bool = False
    captions: bool = False
    patient: bool = False

    def __post_init__(self) -> None:
        _ = self.sides
        if self.window is not None:
            asked(self.window)
        if self.every is not None and self.every < 1:
            raise UsageError("CAP-EVERY", f"every {self.every}; wanted a number from 1 on: each slice, each second one")
        if self.plane is not None and self.plane not in PLANES:
            raise UsageError("SHOW-PLANE", f"plane {self.plane!r:.40}; wanted one of {', '.join(PLANES)}")

    @property
    def sides(self) -> tuple[int, int]:
        """Rows and columns of a page."""
        match = re.fullmatch(r"(\d+)x(\d+)", self.layout) if isinstance(self.layout, str) else None
        found = tuple(map(int, match.groups())) if match else self.layout
        if isinstance(found, str) or len(found) != 2 or not all(1 <= side <= MOST for side in found):
            raise UsageError("CAP-LAYOUT", f"layout {self.layout!r:.40}; wanted rows and columns, 1x1 to {MOST}x{MOST}")
        return found[0], found[1]

    @property
    def style(self) -> Style:
        """Sizes of a page."""
        side = min(LARGEST_BOX, LARGEST_PAGE // max(self.sides))
        return Style(box=(side, side), words=self.captions or self.patient)


class _Figure(NamedTuple):
    """One picture of a page: a plane of one of several volumes."""

    volume: int
    cut: Cut


def capture(source: SourceSeries | Source, **said: Any) -> DerivedSeries:
    """Draw pages of pictures of a series, as Secondary Capture in R G B that refers to the images that are shown.

    Parameters
    ----------
    source : SourceSeries, path or paths
        Volumes, cines, images of one frame; of several volumes the first is shown.
    **said
        As in :class:`Capture`, and as in :class:`derive.authoring.options.Options`; ``into`` is ``secondary-capture``,
        an instance a page, or ``multi-frame-secondary-capture``.

    Raises
    ------
    UsageError
        As :class:`Capture`; ``OPT-FORM``, ``OPT-UNKNOWN``, ``GIV-BURNED``.
    SourceError, GeometryError, ValuesError
        As :func:`derive.read`.

    Examples
    --------
    >>> import derive
    >>> pages = derive.capture(derive.demo_series(), layout="2x3", plane="coronal", letters=True, scale=True)
    >>> pages.frames.shape[0]
    1
    """
    own = {f.name for f in fields(Capture)}
    wishes = Capture(**{k: v for k, v in said.items() if k in own})
    options = options_of(
        {"into": PICTURE_KINDS[0], **{k: v for k, v in said.items() if k not in own and v is not None}}
    )
    if not makes_pictures(options.into):
        raise UsageError("OPT-FORM", f"pages are pictures; wanted {flag('into', '|'.join(PICTURE_KINDS))}")
    series = source if isinstance(source, SourceSeries) else read(source)
    samples = _samples(series)
    figures = _figures(samples[0], wishes)
    pages, window = _pages(series, samples, figures, wishes)
    check_pages(pages, "the capture", together=options.into != PICTURE_KINDS[0])
    shown = [_behind(samples, each) for each in _by_page(figures, wishes)]
    dimension = numbered(len(pages)) if options.into != PICTURE_KINDS[0] else None
    pictures = Pictures(pages, contributors=lambda page: shown[page], dimension=dimension)
    written = ("YES", "the patient stands on the pages") if wishes.patient else burned_in_said([series], options.set)
    sources, target, left = drawn_of(Sources(series), pictures, options, written)
    derivation = Derivation((_step(figures, wishes, window),))
    return DerivedSeries(Order(sources, pictures, derivation, target, source_encoding((), derivation)), left)


def _samples(series: SourceSeries) -> tuple[Volumes, ...]:
    """Return the values of a series, or its red, green and blue."""
    return coloured(series, uneven=True).samples if in_colours(series) else (stacked(series, uneven=True),)


def _figures(volumes: Volumes, wishes: Capture) -> list[_Figure]:
    """Return what is shown, in order: planes of a volume, or frames of a cine."""
    geometry, (rows, columns) = volumes.geometry, wishes.sides
    if not geometry.in_patient:
        (own,) = cuts_of(geometry, wishes.plane)
        every = [_Figure(number, own) for number in range(len(volumes.volumes))]
    else:
        plane = wishes.plane or next(p for p in PLANES if cut_of(geometry, p).axis == 0)
        cuts = [cut_of(geometry, plane, index) for index in range(cut_of(geometry, plane).count)]
        every = [_Figure(0, cut) for cut in sorted(cuts, key=lambda c: c.at_mm, reverse=plane in _BACKWARDS)]
    if wishes.every:
        return every[:: wishes.every]
    count = min(len(every), rows * columns)
    return [every[int((k + 0.5) * len(every) / count)] for k in range(count)]


def _by_page(figures: Sequence[_Figure], wishes: Capture) -> Iterator[Sequence[_Figure]]:
    rows, columns = wishes.sides
    for first in range(0, len(figures), rows * columns):
        yield figures[first : first + rows * columns]


def _behind(samples: Sequence[Volumes], figures: Sequence[_Figure]) -> tuple[FrameRef, ...]:
    """Return the frames of the source that a page shows."""
    found = set()
    for figure in figures:
        volume = samples[0].volumes[figure.volume]
        indices = [figure.cut.index] if figure.cut.axis == 0 else range(volume.count)
        found |= {ref._replace(purpose=MONTAGE) for k in indices for ref in volume.contributors(k)}
    return tuple(sorted(found))


def _pages(
    series: SourceSeries, samples: Sequence[Volumes], figures: Sequence[_Figure], wishes: Capture
) -> tuple[NDArray[np.uint8], Grey | None]:
    """Draw all pages, and return the window that they were drawn with."""
    sight = sight_of(series)
    seen = [_seen(volumes, figures) for volumes in samples]
    grey = None
    if len(seen) == 1:
        grey = (asked(wishes.window) if wishes.window is not None else sight.grey) or of_values(seen[0])
        images = [grey.levels(values, inverted=bool(sight.inverted)) for values in seen[0]]
    else:
        refuse_colours(wishes.window is not None, f"have no window; leave out {flag('window')}")
        images = [colours_of(rgb) for rgb in zip(*seen, strict=True)]
    bar = bar_for(max(mm for figure in figures for mm in figure.cut.size_mm)) if wishes.scale and sight.sized else 0.0
    panels = [_panel(sight, figure.cut, image, bar, wishes) for figure, image in zip(figures, images, strict=True)]
    drawn = []
    for first, some in enumerate(_by_page(figures, wishes)):
        rows, columns = wishes.sides
        begin = first * rows * columns
        page = _page(sight, panels[begin : begin + len(some)], some, wishes, alone=len(panels) <= rows * columns)
        drawn.append(np.asarray(image_of(page, wishes.style)))
        tell("drawing", first + 1, -(-len(panels) // (rows * columns)))
    return _of_one_size(drawn), grey


def _of_one_size(pages: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Stack pages, each on paper as large as that of the largest: captions are not equally long on all."""
    rows, columns = (max(page.shape[axis] for page in pages) for axis in (0, 1))
    found = np.full((len(pages), rows, columns, 3), PAPER, np.uint8)
    for whole, page in zip(found, pages, strict=True):
        whole[: page.shape[0], : page.shape[1]] = page
    return found


def _seen(volumes: Volumes, figures: Sequence[_Figure]) -> list[NDArray[np.float32]]:
    """Return the values of what is shown, volume by volume, as they are seen."""
    found: dict[int, NDArray[np.float32]] = {}
    for number in dict.fromkeys(figure.volume for figure in figures):
        own = [k for k, figure in enumerate(figures) if figure.volume == number]
        values = values_of(volumes.volumes[number], [figures[k].cut for k in own], partial(tell, "reading"))
        found |= dict(zip(own, values, strict=True))
    return [found[k] for k in range(len(figures))]


def _panel(sight: Sight, cut: Cut, image: NDArray[np.uint8], bar: float, wishes: Capture) -> Panel:
    caption = caption_of(cut, placed=sight.placed) if wishes.captions else ("", "")
    return Panel(image, cut.size_mm, caption, cut.edges if wishes.letters and sight.placed else None, bar)


def _page(sight: Sight, panels: Sequence[Panel], figures: Sequence[_Figure], wishes: Capture, *, alone: bool) -> Page:
    """Return one page; the last of several has empty places, so that all are of one size."""
    rows, columns = wishes.sides
    if alone:
        columns = min(columns, len(panels))
        rows = -(-len(panels) // columns)
    paper = np.full((1, 1, 3), PAPER, np.uint8)
    empty = replace(panels[0], image=paper, caption=("", ""), edges=None, bar_mm=0.0)
    filled = [*panels, *[empty] * (rows * columns - len(panels))]
    heading = (sight.patient or "not stated",) if wishes.patient else ()
    lines = tuple(tuple(filled[k : k + columns]) for k in range(0, rows * columns, columns))
    return Page(heading, lines, tuple(f.cut for f in figures), IN_COLOURS, {})


def _step(figures: Sequence[_Figure], wishes: Capture, window: Grey | None) -> Step:
    """Return the record: what is shown, and how."""
    cut, (rows, columns) = figures[0].cut, wishes.sides
    several = not cut.geometry.in_patient and len({figure.volume for figure in figures}) > 1
    keyword = TIMES if several else SLICES if cut.axis == 0 else ACROSS
    found: dict[str, Any] = {"plane": cut.plane, "layout": f"{rows}x{columns}", "every": wishes.every}
    if window is not None:
        found["window"] = (window.center, window.width)
    found |= {name: getattr(wishes, name) or None for name in ("letters", "scale", "captions", "patient")}
    said: Mapping[str, Any] = {k: v for k, v in found.items() if v is not None}
    words = ", ".join(f"{k}={text_of(v)}" for k, v in said.items())
    return Step(
        "capture",
        derivation_code(keyword),
        f"capture({words})",
        said,
        GeometryEffect.PROJECTION,
        ValuesEffect.NEW_QUANTITY,
        new_plane=True,
        terms={"ColorSpace": "SRGB"},
        short=f"capture {cut.plane} {rows}x{columns}",
    )
