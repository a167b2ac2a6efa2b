"""When a series is all there: by the time in which nothing came, or by the count that an archive tells.

An archive may be receiving the series itself while it is asked, and then its count grows too: so the count makes a
series complete only after it has been still for a part of the quiet time (2026-12-01). And a series of which the
archive has more than came is waited for; in the end it is put in quarantine, since what is derived of a part of a
series looks like what is derived of all of it.
"""

from __future__ import annotations

import logging

from derive.errors import DeriveError
from derive.many.node.entries import Failure, NodeSeries
from derive.many.node.ledger import NodeLedger
from derive.many.node.settings import NodeSettings
from derive.many.node.states import SeriesState
from derive.pacs.archive import Archive
from derive.pacs.verify import counted
from derive.told.wording import counted as spoken_count
from derive.told.wording import flag

#: The part of the quiet time for which a series has to be still before an archive is asked for its count.
_SETTLED = 0.2
_log = logging.getLogger(__name__)


class Completion:
    """Looks which series are all there.

    Parameters
    ----------
    settings : NodeSettings
    ledger : NodeLedger
    archive : Archive, optional
        Which tells counts.
    """

    def __init__(self, settings: NodeSettings, ledger: NodeLedger, archive: Archive | None = None) -> None:
        self._settings, self._ledger, self._archive = settings, ledger, archive

    def look(self, now: float) -> int:
        """Move every series that is all there; say how many that are.

        Parameters
        ----------
        now : float
            Seconds since the epoch.
        """
        found = 0
        for series in self._ledger.series(SeriesState.RECEIVED):
            if self._is_complete(series, now) and self._ledger.move(series, SeriesState.COMPLETE):
                _log.info("series %s is complete", series.uid)
                found += 1
        return found

    def _is_complete(self, series: NodeSeries, now: float) -> bool:
        still = now - series.heard
        if self._archive is None:
            return still >= self._settings.quiet_seconds
        if still < self._settings.quiet_seconds * _SETTLED or now < series.due:
            return False
        expected = self._expected(series)
        if expected is None:
            return still >= self._settings.quiet_seconds
        have = len(self._ledger.instances(series.uid))
        if have >= expected:
            return True
        if still < self._settings.count_wait_seconds:
            self._ledger.postpone(series, now + self._settings.quiet_seconds * _SETTLED)
            return False
        came, wanted = spoken_count(have, "instance"), spoken_count(expected, "instance")
        message = f"{came} came, and {self._settings.count_from} has {wanted}; send the rest, or all of it"
        self._ledger.move(
            series,
            SeriesState.QUARANTINED,
            Failure("NODE-INCOMPLETE", message, f"{flag('count_wait_seconds')} waits longer"),
        )
        _log.warning("series %s: NODE-INCOMPLETE: it is put in quarantine", series.uid)
        return False

    def _expected(self, series: NodeSeries) -> int | None:
        """Ask the archive; None where it does not tell."""
        assert self._archive is not None, "it is asked only where there is one"
        try:
            return counted(self._archive, series.study, series.uid)
        except DeriveError as error:
            _log.warning("series %s: its count is not known: %s", series.uid, error.code)
            return None
