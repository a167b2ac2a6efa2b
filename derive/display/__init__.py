"""Looking at a series: mid-planes as a picture, as a figure, and as the display of a notebook.

::

    path, SourceSeries, DerivedSeries, Volume ──sight──▶ Sight ──compose──▶ Page ──▶ draw (PNG, Pillow)
                                                                              ├──▶ figure (matplotlib)
                                                                              └──▶ html (a small PNG in a table)
"""

from derive.builder import DerivedSeries
from derive.display.compose import Wishes, comparison_of, page_of
from derive.display.draw import image_of, save
from derive.display.figure import show
from derive.display.html import html_of_derived, html_of_report, html_of_source, html_of_volume
from derive.display.sight import Sight, sight_of
from derive.display.words import repr_of_derived, repr_of_report, repr_of_source, repr_of_volume
from derive.model.source import SourceSeries
from derive.model.volume import Volume
from derive.writing.report import Report

#: What shows a thing knows more than the thing: so notebooks and prompts are told here.
for _kind, _html, _repr in (
    (Volume, html_of_volume, repr_of_volume),
    (SourceSeries, html_of_source, repr_of_source),
    (DerivedSeries, html_of_derived, repr_of_derived),
    (Report, html_of_report, repr_of_report),
):
    setattr(_kind, "_repr_html_", _html)  # noqa: B010 - the classes do not declare it
    setattr(_kind, "__repr__", _repr)  # noqa: B010 - as above

__all__ = [
    "Sight",
    "Wishes",
    "comparison_of",
    "html_of_derived",
    "html_of_report",
    "html_of_source",
    "html_of_volume",
    "image_of",
    "page_of",
    "repr_of_derived",
    "repr_of_report",
    "repr_of_source",
    "repr_of_volume",
    "save",
    "show",
    "sight_of",
]
