"""An archive that is spoken to by DICOMweb: every verb, and the transaction of PS3.18 that does it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from derive.errors import UsageError
from derive.pacs.address import WebAddress
from derive.pacs.config import Destination
from derive.pacs.found import FoundSeries, FoundStudy, Listing
from derive.pacs.outcome import Commitment, Result, Take
from derive.pacs.sendable import Sendable
from derive.pacs.web.query import instances_there, ping, search_instances, search_series, search_studies
from derive.pacs.web.retrieve import retrieve
from derive.pacs.web.stow import WebSender


class WebArchive:
    """A DICOMweb service as a :class:`derive.pacs.archive.Archive`.

    Parameters
    ----------
    address : WebAddress
    attempts : int
        How often an instance is sent at most.
    """

    query = "QIDO-RS"

    def __init__(self, address: WebAddress, *, attempts: int = 3) -> None:
        self._address, self._attempts = address, attempts

    @property
    def destination(self) -> Destination:
        """Where it is."""
        return Destination(self._address)

    def studies(self, keys: Mapping[str, str], *, limit: int | None = None) -> Listing[FoundStudy]:
        """Search for studies by QIDO-RS (PS3.18 10.6)."""
        return search_studies(self._address, keys, limit=limit)

    def find(self, keys: Mapping[str, str], *, limit: int | None = None) -> Listing[FoundSeries]:
        """Search for series by QIDO-RS."""
        return search_series(self._address, keys, limit=limit)

    def instances(self, study_uid: str, series_uid: str) -> Listing[str]:
        """Search for the SOP Instance UIDs of a series by QIDO-RS."""
        return search_instances(self._address, study_uid, series_uid)

    def there(self, study_uid: str, series_uid: str, uids: Sequence[str]) -> Mapping[str, bool | None]:
        """Search for each of some instances by QIDO-RS."""
        return instances_there(self._address, study_uid, series_uid, uids)

    def fetch(self, study_uid: str, series_uid: str, take: Take, *, only: Sequence[str] = ()) -> None:
        """Retrieve a series by WADO-RS (PS3.18 10.4)."""
        retrieve(self._address, study_uid, series_uid, take, only=only)

    def store(self, sendables: Sequence[Sendable]) -> Iterator[Result]:
        """Store instances by STOW-RS (PS3.18 10.5)."""
        return WebSender(self._address, attempts=self._attempts).send(sendables)

    def commit(self, sendables: Sequence[Sendable], *, wait_s: float) -> Commitment:
        """Refuse: it is no service of DICOMweb here.

        Raises
        ------
        UsageError
            ``NET-COMMIT``.
        """
        raise UsageError("NET-COMMIT", "storage commitment is a service of DIMSE; DICOMweb has none")

    def echo(self) -> float:
        """Ask by QIDO-RS for one study at most."""
        begun = time.perf_counter()
        ping(self._address)
        return time.perf_counter() - begun
