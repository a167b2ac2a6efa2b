"""Results to the archive: sent, asked for afterwards, and tried again until it has them.

The archive is asked first what it has: an instance that is there is not sent again, whatever became of the node
between sending it and knowing so.
"""

from __future__ import annotations

import logging
import time
from collections import Counter

from derive.errors import DeriveError, NetworkError, trace_of
from derive.many.node.entries import Failure, NodeResult
from derive.many.node.ledger import NodeLedger
from derive.many.node.settings import NodeSettings
from derive.many.node.states import SeriesState
from derive.many.node.store import NodeStore
from derive.pacs.archive import Archive
from derive.pacs.outcome import Category
from derive.pacs.send import SendReport, send

#: An archive that refuses something so often will not take it.
MOST_REFUSALS = 5
#: How often an archive is asked that does not answer what it has.
MOST_QUESTIONS = 5
LONGEST_PAUSE_S = 600.0
_log = logging.getLogger(__name__)


class NodeDelivery:
    """Sends results.

    Parameters
    ----------
    settings : NodeSettings
    store : NodeStore
    ledger : NodeLedger
    archive : Archive
    """

    def __init__(self, settings: NodeSettings, store: NodeStore, ledger: NodeLedger, archive: Archive) -> None:
        self._settings, self._store, self._ledger, self._archive = settings, store, ledger, archive
        self.counts: Counter[str] = Counter()
        self._unreached, self._not_before = 0, 0.0

    @property
    def waits(self) -> bool:
        """Whether the archive could not be reached, and is left alone for a while."""
        return time.time() < self._not_before

    def deliver(self, result: NodeResult) -> None:
        """Send a result, or ask once more for one that was sent, and enter what became of it."""
        tries = self._ledger.begin_result(result)
        folder = self._store.results / result.folder
        try:
            report = send(folder, self._archive, verify="instances", resume=True)
        except NetworkError as error:
            self._not_reached(result, Failure(error.code, error.message))
        except DeriveError as error:
            self._give_up(result, Failure(error.code, error.message))
        except Exception as error:  # a fault of ours about one result never stops the others
            self._later(result, tries, Failure("NODE-FAULT", type(error).__name__, trace=trace_of(error)))
        else:
            self._unreached = 0
            self._told(result, report, tries)

    def pause_s(self, tries: int) -> float:
        """Seconds to wait after so many attempts."""
        return float(min(self._settings.retry_seconds * 2 ** min(tries - 1, 32), LONGEST_PAUSE_S))

    def _told(self, result: NodeResult, report: SendReport, tries: int) -> None:
        if report.ok:
            self._ledger.move_result(result, SeriesState.VERIFIED)
            self.counts["verified"] += 1
            _log.info("series %s: its result by %s is verified", result.series, result.rule)
            return
        if report.failed:
            worst = report.failed[0]
            failure = Failure("NODE-NOT-STORED", f"{worst.category.value}: {worst.comment}")
            refused = any(r.category is Category.REFUSED for r in report.failed)
            if refused and tries >= MOST_REFUSALS:
                self._give_up(result, failure)
            else:
                self._later(result, tries, failure)
            return
        self._unsure(result, report, tries)

    def _unsure(self, result: NodeResult, report: SendReport, tries: int) -> None:
        """All is stored by the word of the archive, which does not list it, or not yet."""
        found = report.verification
        if found is not None and found.missing:
            self._later(result, tries, Failure("NODE-MISSING", "the archive said it stored it, and does not list it"))
            return
        why = next(iter(found.unknown.values()), "") if found is not None else ""
        failure = Failure("NODE-UNVERIFIED", f"whether the archive has it cannot be told: {why}")
        due = time.time() + self.pause_s(tries) if tries < MOST_QUESTIONS else float("inf")
        self.counts["sent"] += 1
        self._ledger.move_result(result, SeriesState.SENT, due=due, failure=failure)
        _log.warning("series %s: its result is sent, and not verified", result.series)

    def _not_reached(self, result: NodeResult, failure: Failure) -> None:
        """Leave the archive alone for a while; that is nothing about the result, and does not count as an attempt."""
        self._unreached += 1
        pause = self.pause_s(self._unreached)
        self._not_before = time.time() + pause
        self.counts["unreached"] += 1
        self._ledger.move_result(result, result.state, failure=failure)
        self._ledger.begin_result(result, -1)
        _log.warning("the archive could not be spoken with (%s); tried again in %.0f s", failure.code, pause)

    def _later(self, result: NodeResult, tries: int, failure: Failure) -> None:
        pause = self.pause_s(tries)
        self.counts["retries"] += 1
        self._ledger.move_result(result, result.state, due=time.time() + pause, failure=failure)
        _log.warning(
            "series %s: its result is not sent (%s); tried again in %.0f s", result.series, failure.code, pause
        )

    def _give_up(self, result: NodeResult, failure: Failure) -> None:
        self.counts["refused"] += 1
        self._ledger.move_result(result, SeriesState.QUARANTINED, failure=failure)
        _log.error("series %s: its result is put in quarantine (%s)", result.series, failure.code)
