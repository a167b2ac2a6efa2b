"""An archive that is spoken to by DIMSE: every verb, and the service of PS3.4 that does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from derive.pacs.address import DimseAddress
from derive.pacs.config import Destination
from derive.pacs.dimse.association import echo
from derive.pacs.dimse.commit import commit
from derive.pacs.dimse.find import find_series, find_studies, instances_of, instances_there
from derive.pacs.dimse.retrieve import retrieve_series
from derive.pacs.dimse.send import DimseSender
from derive.pacs.found import FoundSeries, FoundStudy, Listing
from derive.pacs.outcome import Commitment, Result, Take
from derive.pacs.sendable import Sendable


class DimseArchive:
    """An application entity as a :class:`derive.pacs.archive.Archive`.

    Parameters
    ----------
    address : DimseAddress
    listen : int, optional
        Port of ours for C-MOVE and for reports of storage commitment.
    parallel : int
        How many associations share a series that is sent.
    attempts : int
        How often an instance is sent at most.
    """

    query = "C-FIND"

    def __init__(
        self, address: DimseAddress, *, listen: int | None = None, parallel: int = 1, attempts: int = 3
    ) -> None:
        self._address, self._listen, self._parallel, self._attempts = address, listen, parallel, attempts

    @property
    def destination(self) -> Destination:
        """Where it is, and how it is spoken with."""
        return Destination(self._address, self._listen, self._parallel)

    def studies(self, keys: Mapping[str, str], *, limit: int | None = None) -> Listing[FoundStudy]:
        """Find studies by C-FIND (PS3.4 C.4.1)."""
        return find_studies(self._address, keys, limit)

    def find(self, keys: Mapping[str, str], *, limit: int | None = None) -> Listing[FoundSeries]:
        """Find series by C-FIND."""
        return find_series(self._address, keys, limit)

    def instances(self, study_uid: str, series_uid: str) -> Listing[str]:
        """Find the SOP Instance UIDs of a series by C-FIND."""
        return instances_of(self._address, study_uid, series_uid)

    def there(self, study_uid: str, series_uid: str, uids: Sequence[str]) -> Mapping[str, bool | None]:
        """Ask for each of some instances by C-FIND."""
        return instances_there(self._address, study_uid, series_uid, uids)

    def fetch(self, study_uid: str, series_uid: str, take: Take, *, only: Sequence[str] = ()) -> None:
        """Fetch a series by C-GET, or by C-MOVE to the port that we listen at (PS3.4 C.4.3, C.4.2)."""
        retrieve_series(self._address, study_uid, series_uid, take, listen=self._listen, only=only)

    def store(self, sendables: Sequence[Sendable]) -> Iterator[Result]:
        """Send instances by C-STORE (PS3.4 B)."""
        return DimseSender(self._address, parallel=self._parallel, attempts=self._attempts).send(sendables)

    def commit(self, sendables: Sequence[Sendable], *, wait_s: float) -> Commitment:
        """Ask for storage commitment by N-ACTION (PS3.4 J)."""
        return commit(self._address, sendables, listen=self._listen, wait_s=wait_s)

    def echo(self) -> float:
        """Ask by C-ECHO (PS3.7 9.1.5); without the time that the association takes."""
        return echo(self._address)
