"""The page as a matplotlib figure, in millimetres; with a slider where a notebook can show one."""

from __future__ import annotations

import importlib
import importlib.util
import io
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from derive.display.compose import Wishes, comparison_of, page_of
from derive.display.cuts import cuts_of
from derive.display.page import DIVERGING, Page, Panel
from derive.display.sight import Shown, sight_of
from derive.errors import UsageError

PACKAGE = "matplotlib"
#: Inches that the largest picture gets, and what stands around one: letters, caption, scale.
LARGEST_INCHES = 3.2
AROUND_WIDTH, ABOVE, BELOW, LINE = 0.7, 0.62, 0.62, 0.2
NARROWEST_INCHES, NARROWEST_PAGE = 2.2, 5.6
#: Letters of the heading that go into an inch, at the least.
LETTERS_PER_INCH = 11
DPI = 100
#: Points between a picture and what is written beside it.
NEAR, SCALE_BELOW, ENDS_BELOW = 3, 24, 44


def show(
    what: Shown,
    *,
    compare: Shown | None = None,
    plane: str | None = None,
    window: Sequence[float] | None = None,
    slice_number: int | None = None,
    show_patient: bool = False,
) -> Any:
    """Draw the middle planes of a series or a volume with matplotlib.

    In a notebook with ipywidgets the figure comes with a slider: through the slices of the volume, or through
    those of `plane`.

    Parameters
    ----------
    what : SourceSeries, DerivedSeries, Volume or path
        A path as ``derive show`` takes it.
    compare : the same, optional
        The source that it is to be compared with: source, result and their difference, side by side.
    plane : {"axial", "coronal", "sagittal"}, optional
        Only this one.
    window : (center, width), optional
        In real-world values; without it the series' own, else one from the values.
    slice_number : int, optional
        From 1, instead of the middle one.
    show_patient : bool
        Whether the name and ID of the patient are shown.

    Returns
    -------
    matplotlib.figure.Figure
        Each picture is an Axes in millimetres.

    Raises
    ------
    UsageError
        ``SHOW-PACKAGE`` without matplotlib; ``SHOW-INPUT``, ``SHOW-PICTURES``, ``SHOW-PLANE``, ``SHOW-SLICE``,
        ``SHOW-WINDOW``, ``SHOW-PLACE``.
    GeometryError
        ``SHOW-FRAME``, ``SHOW-APART`` for a comparison of what lies nowhere in common.
    """
    pyplot = _pyplot()
    wishes = Wishes(plane, window, slice_number, show_patient)
    sight, other = sight_of(what), None if compare is None else sight_of(compare)

    def compose(number: int | None) -> Page:
        chosen = replace(wishes, slice_number=number)
        return page_of(sight, chosen) if other is None else comparison_of(sight, other, chosen)

    page = compose(slice_number)
    sight = replace(sight, grey=sight.grey or page.grey)  # one window for all slices
    figure = pyplot.figure(figsize=_inches(page), dpi=DPI, facecolor="white")
    draw(page, figure)
    if _in_notebook():
        pyplot.close(figure)  # it is shown once, as what the cell returns
        cuts = cuts_of(sight.geometry, plane, slice_number)
        cut = cuts[0] if plane else next(c for c in cuts if c.axis == 0)
        if cut.count > 1 and importlib.util.find_spec("ipywidgets"):
            _with_slider(figure, lambda number: draw(compose(number), figure), cut.index + 1, cut.count)
    return figure


def _pyplot() -> Any:
    try:
        return importlib.import_module(f"{PACKAGE}.pyplot")
    except ImportError as error:
        raise UsageError(
            "SHOW-PACKAGE",
            "derive.show() draws with matplotlib, which is not installed; pip install 'dicom-derive[show]' "
            "(derive show -o picture.png needs none)",
        ) from error


def _in_notebook() -> bool:
    """Whether code runs in a kernel, whose front end shows what a cell returns."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _with_slider(figure: Any, redraw: Callable[[int], None], start: int, count: int) -> None:
    """Let a figure be displayed below a slider that draws it anew; the picture stays in a saved notebook."""
    widgets, display = importlib.import_module("ipywidgets"), importlib.import_module("IPython.display")

    def displayed() -> None:
        slider = widgets.IntSlider(start, 1, count, 1, description="slice", continuous_update=False)
        display.display(slider)
        shown = display.display(display.Image(data=_png(figure)), display_id=True)

        def changed(change: Any) -> None:
            redraw(int(change["new"]))
            shown.update(display.Image(data=_png(figure)))

        slider.observe(changed, names="value")

    figure._ipython_display_ = displayed


def _png(figure: Any) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI)
    return bytes(stream.getvalue())


def draw(page: Page, figure: Any) -> None:
    """Draw a page into a figure, in place of what it holds."""
    figure.clear()
    width, height = figure.get_size_inches()
    heading = _heading(page)
    for number, line in enumerate(heading):
        figure.text(
            0.1 / width, 1 - (0.08 + LINE * number) / height, line, va="top", fontsize=10 if number else 12,
            parse_math=False,
        )  # fmt: skip
    scale, top = _scale(page), _heading_inches(heading)
    columns = _column_inches(page, scale)
    for row in page.rows:
        tallest = max(p.size_mm[0] for p in row) * scale
        left = 0.1
        for panel, column in zip(row, columns, strict=True):
            high, wide = (mm * scale for mm in panel.size_mm)
            from_left, from_top = left + (column - wide) / 2, top + ABOVE
            place = (from_left / width, 1 - (from_top + high) / height, wide / width, high / height)
            _panel(figure, panel, place)
            left += column
        top += tallest + ABOVE + BELOW + (LINE * 1.5 if any(p.ends for p in row) else 0)


def _panel(figure: Any, panel: Panel, place: tuple[float, float, float, float]) -> None:
    axes = figure.add_axes(place)
    height, width = panel.size_mm
    colours: dict[str, Any] = {} if panel.image.ndim == 3 else {"cmap": "gray", "vmin": 0, "vmax": 255}
    axes.imshow(panel.image, extent=(0, width, height, 0), aspect="auto", interpolation="bilinear", **colours)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(color="0.7", linewidth=0.5)
    above = 18 if panel.edges else 6
    _label(axes, "\n".join(panel.caption), (0.5, 1), (0, above), ("center", "bottom"))
    if panel.edges:
        for text, at, offset, aligned in (
            (panel.edges.left, (0, 0.5), (-NEAR, 0), ("right", "center")),
            (panel.edges.right, (1, 0.5), (NEAR, 0), ("left", "center")),
            (panel.edges.top, (0.5, 1), (0, NEAR), ("center", "bottom")),
            (panel.edges.bottom, (0.5, 0), (0, -NEAR), ("center", "top")),
        ):
            _label(axes, text, at, offset, aligned)
    if panel.bar_mm:
        _bar(figure, axes, panel)
    if panel.ends:
        _ends(axes, panel.ends)


def _label(axes: Any, text: str, at: tuple[float, float], offset: tuple[float, float], aligned: tuple[str, str]) -> Any:
    return axes.annotate(
        text, at, offset, xycoords="axes fraction", textcoords="offset points", ha=aligned[0], va=aligned[1],
        fontsize=9, parse_math=False, annotation_clip=False,
    )  # fmt: skip


def _bar(figure: Any, axes: Any, panel: Panel) -> None:
    """Draw the scale below a picture: its length is in the millimetres of the axes."""
    transforms = importlib.import_module(f"{PACKAGE}.transforms")
    height, width = panel.size_mm
    below = transforms.offset_copy(axes.transData, figure, 0, -SCALE_BELOW, units="points")
    start = (width - panel.bar_mm) / 2
    axes.plot(
        [start, start + panel.bar_mm], [height, height], color="black", linewidth=2, transform=below, clip_on=False,
        solid_capstyle="butt", label=f"{panel.bar_mm:g} mm",
    )  # fmt: skip
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    _label(axes, f"{panel.bar_mm:g} mm", (0.5, 0), (0, -SCALE_BELOW - 5), ("center", "top"))


def _ends(axes: Any, ends: tuple[str, str, str]) -> None:
    for text, at, colour, side in zip(ends, (0.0, 0.5, 1.0), DIVERGING, ("left", "center", "right"), strict=True):
        label = _label(axes, text, (at, 0), (0, -ENDS_BELOW), (side, "top"))
        if text != ends[1]:
            label.set_color([part / 255 for part in colour])


def _scale(page: Page) -> float:
    """Inches for a millimetre."""
    return LARGEST_INCHES / max(mm for row in page.rows for p in row for mm in p.size_mm)


def _heading(page: Page) -> list[str]:
    """Break the heading into lines that fit, by a guess of how wide letters are."""
    letters = int((_width(page) - 0.2) * LETTERS_PER_INCH)
    return [line for text in page.heading for line in textwrap.wrap(text, letters)]


def _heading_inches(heading: Sequence[str]) -> float:
    return 0.15 + LINE * len(heading)


def _column_inches(page: Page, scale: float) -> list[float]:
    return [
        max(NARROWEST_INCHES, max(p.size_mm[1] for p in panels) * scale + AROUND_WIDTH)
        for panels in zip(*page.rows, strict=True)
    ]


def _inches(page: Page) -> tuple[float, float]:
    scale = _scale(page)
    heights = [max(p.size_mm[0] for p in row) * scale + ABOVE + BELOW for row in page.rows]
    heights = [h + (LINE * 1.5 if any(p.ends for p in row) else 0) for h, row in zip(heights, page.rows, strict=True)]
    return _width(page), _heading_inches(_heading(page)) + sum(heights)


def _width(page: Page) -> float:
    return max(NARROWEST_PAGE, 0.2 + sum(_column_inches(page, _scale(page))))
