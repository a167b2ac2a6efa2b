"""The page as a matplotlib figure; in a notebook as it is, with a slider where one can be shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from derive.display.compose import Wishes, comparison_of, page_of
from derive.display.cuts import cuts_of
from derive.display.draw import image_of, png_of
from derive.display.page import Page
from derive.display.sight import Shown, sight_of
from derive.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Pixels of the page that go into an inch of the figure.
DPI = 100


def show(
    what: Shown,
    *,
    compare: Shown | None = None,
    plane: str | None = None,
    window: Sequence[float] | None = None,
    slice_number: int | None = None,
    show_patient: bool = False,
) -> Figure:
    """Show the middle planes of a series or a volume: the page of ``derive show``, as a matplotlib figure.

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
        The page fills it, a pixel for a pixel.

    Raises
    ------
    UsageError
        ``SHOW-PACKAGE`` without matplotlib; ``SHOW-INPUT``, ``SHOW-PICTURES``, ``SHOW-PLANE``, ``SHOW-SLICE``,
        ``SHOW-WINDOW``, ``SHOW-PLACE``.
    GeometryError
        ``SHOW-FRAME``, ``SHOW-APART`` for a comparison of what lies nowhere in common.
    """
    try:
        import matplotlib.pyplot as pyplot
    except ImportError as error:
        raise UsageError(
            "SHOW-PACKAGE",
            "derive.show() makes a figure of matplotlib, which is not installed; pip install 'dicom-derive[show]' "
            "(derive show -o picture.png needs none)",
        ) from error
    wishes = Wishes(plane, window, slice_number, show_patient)
    sight, other = sight_of(what), None if compare is None else sight_of(compare)

    def compose(number: int | None) -> Page:
        chosen = replace(wishes, slice_number=number)
        return page_of(sight, chosen) if other is None else comparison_of(sight, other, chosen)

    page = compose(slice_number)
    sight = replace(sight, grey=sight.grey or page.grey)  # one window for all slices
    figure = pyplot.figure(dpi=DPI)
    draw(page, figure)
    if _in_notebook():
        pyplot.close(figure)  # it is shown once, as what the cell returns
        cuts = cuts_of(sight.geometry, plane, slice_number)
        cut = cuts[0] if plane else next(c for c in cuts if c.axis == 0)
        _displayed_as(figure, page, lambda number: draw(compose(number), figure), (cut.index + 1, cut.count))
    return figure


def draw(page: Page, figure: Figure) -> Page:
    """Draw a page into a figure, in place of what it holds, and return it."""
    image = np.asarray(image_of(page))
    height, width = image.shape[:2]
    figure.clear()
    figure.set_size_inches(width / DPI, height / DPI)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.imshow(image, interpolation="nearest", aspect="auto")
    return page


def _in_notebook() -> bool:
    """Whether code runs in a kernel, whose front end shows what a cell returns."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _displayed_as(figure: Figure, page: Page, redraw: Callable[[int], Page], place: tuple[int, int]) -> None:
    """Let a figure be displayed as its page; where it can be, below a slider that draws another slice.

    Parameters
    ----------
    place : (int, int)
        Number of the slice that is shown, from 1, and how many there are.
    """
    from IPython.display import Image, display

    def displayed() -> None:
        slider = _slider(*place)
        if slider is not None:
            display(slider)
        shown = display(Image(data=png_of(page)), display_id=True)
        if slider is not None:
            slider.observe(lambda change: shown.update(Image(data=png_of(redraw(int(change["new"]))))), names="value")

    vars(figure)["_ipython_display_"] = displayed


def _slider(number: int, count: int) -> Any | None:
    if count < 2 or find_spec("ipywidgets") is None:
        return None
    from ipywidgets import IntSlider

    return IntSlider(number, 1, count, 1, description="slice", continuous_update=False)
