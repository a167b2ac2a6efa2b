"""Looking at a series: mid-planes as a picture, as a figure, and as the display of a notebook.

::

    path, SourceSeries, DerivedSeries, Volume ──sight──▶ Sight ──compose──▶ Page ──▶ draw (PNG, Pillow)
                                                                              ├──▶ figure (matplotlib)
                                                                              ├──▶ html (a small PNG in a table)
                                                                              └──▶ capturing (Secondary Capture)

It may import everything below the command line but the rooms of its floor; nothing of the line imports it.
To show something else of a series, touch ``compose`` (what) and ``layout`` (where).
"""

from derive.display.compose import Wishes, comparison_of, page_of
from derive.display.draw import image_of, save
from derive.display.figure import show
from derive.display.html import html_of_derived, html_of_report, html_of_source, html_of_volume
from derive.display.sight import Sight, sight_of

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
    "save",
    "show",
    "sight_of",
]
