"""The check: instances against the information object definitions, and series as a whole.

>>> from derive.checking import check
>>> check([]).ok()
True

:class:`SeriesChecker` checks a series while it is made; :func:`check` anybody's files. ``checks.tsv``
lists what is checked.

It may import elements, model, standard and reading; it knows neither how instances are made nor how they are written.
To check another thing, add a row to ``checks.tsv`` and a judge that says which attributes it reads.
"""

from derive.checking.files import check
from derive.checking.finding import CheckReport, Finding, folded
from derive.checking.series import SeriesChecker

__all__ = ["CheckReport", "Finding", "SeriesChecker", "check", "folded"]
