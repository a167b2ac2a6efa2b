"""The check: instances against the information object definitions, and series as a whole.

>>> from derive.checking import check
>>> check([]).ok()
True

:class:`SeriesChecker` checks a series while it is made; :func:`check` anybody's files. ``checks.tsv``
lists what is checked.
"""

from derive.checking.files import check
from derive.checking.finding import CheckReport, Finding, folded
from derive.checking.series import SeriesChecker

__all__ = ["CheckReport", "Finding", "SeriesChecker", "check", "folded"]
