"""A folder as an archive: for exchange by file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydicom.dataset import Dataset

from derive.errors import NetworkError, OutputError, UsageError
from derive.pacs.address import FolderAddress
from derive.pacs.config import Destination
from derive.pacs.found import SERIES_KEYWORDS, STUDY_KEYWORDS, FoundSeries, FoundStudy, Item, Listing, limited_to
from derive.pacs.matching import is_harmless_uid, texts
from derive.pacs.outcome import Category, Commitment, Result, Take
from derive.pacs.sendable import Sendable, sendables_of
from derive.pacs.service.index import Index
from derive.reading.files import Origin, find
from derive.writing.atomic import write_file
from derive.writing.unfinished import recover


class FolderArchive:
    """A folder as a :class:`derive.pacs.archive.Archive`.

    Each instance is copied into it at once or not at all; what is there with other bytes is kept, and refused.

    Parameters
    ----------
    address : FolderAddress
    """

    query = "folder"

    def __init__(self, address: FolderAddress) -> None:
        self._address, self._folder = address, address.path

    @property
    def destination(self) -> Destination:
        """Where it is."""
        return Destination(self._address)

    def studies(self, keys: Mapping[str, str], *, limit: int | None = None) -> Listing[FoundStudy]:
        """Find studies among its files."""
        return _limited([FoundStudy.of(texts(d)) for d in self._asked("STUDY", keys)], limit)

    def find(self, keys: Mapping[str, str], *, limit: int | None = None) -> Listing[FoundSeries]:
        """Find series among its files."""
        return _limited([FoundSeries.of(texts(d)) for d in self._asked("SERIES", keys)], limit)

    def instances(self, study_uid: str, series_uid: str) -> Listing[str]:
        """Return the SOP Instance UIDs of a series, of whatever study."""
        return Listing(tuple(s.sop_instance_uid for s in self._series(series_uid)))

    def there(self, study_uid: str, series_uid: str, uids: Sequence[str]) -> Mapping[str, bool | None]:
        """Look for each of some instances."""
        found = set(self.instances(study_uid, series_uid))
        return {uid: uid in found for uid in uids}

    def fetch(self, study_uid: str, series_uid: str, take: Take, *, only: Sequence[str] = ()) -> None:
        """Hand over each file of a series, or of some instances of it."""
        for sendable in self._series(series_uid):
            if not only or sendable.sop_instance_uid in only:
                take(sendable.read())

    def store(self, sendables: Sequence[Sendable]) -> Iterator[Result]:
        """Copy instances; give the result of each.

        Raises
        ------
        NetworkError
            ``NET-FOLDER`` if nothing can be written there.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NetworkError("NET-FOLDER", f"{self._folder} cannot be written: {error.strerror}") from error
        recover(self._folder)
        for sendable in sendables:
            yield self._copied(sendable)

    def commit(self, sendables: Sequence[Sendable], *, wait_s: float) -> Commitment:
        """Refuse: nobody is there to commit to anything.

        Raises
        ------
        UsageError
            ``NET-COMMIT``.
        """
        raise UsageError("NET-COMMIT", "storage commitment is a service of DIMSE; a folder has none")

    def echo(self) -> float:
        """Look whether it is there.

        Raises
        ------
        NetworkError
            ``NET-FOLDER``.
        """
        if self._folder.is_dir():
            return 0.0
        raise NetworkError("NET-FOLDER", f"{self._address} is no folder")

    def _asked(self, level: str, keys: Mapping[str, str]) -> Iterator[Dataset]:
        """Answer as an archive does; what lacks its UIDs, or cannot be read, is left out and logged."""
        self.echo()
        index = Index(legal_only=False)
        for found in find(self._folder):
            if isinstance(found, Origin) and found.path is not None:
                index.take(found.path)
        asked = {k: v for k, v in keys.items() if v}
        return index.find(
            level, dict.fromkeys(("StudyInstanceUID", *STUDY_KEYWORDS, *SERIES_KEYWORDS), "") | asked, fold=True
        )

    def _series(self, series_uid: str) -> list[Sendable]:
        there = sendables_of([self._folder]) if self._folder.is_dir() else []
        return [s for s in there if s.series_instance_uid == series_uid]

    def _copied(self, sendable: Sendable) -> Result:
        if not is_harmless_uid(sendable.sop_instance_uid):  # it becomes the name of a file
            return result_of(sendable, Category.REFUSED, "its SOP Instance UID is none, and can be no file name")
        target = self._folder / f"{sendable.sop_instance_uid}.dcm"
        data = sendable.read()
        if target.is_file():
            same = target.read_bytes() == data
            comment = "it was there already" if same else "another instance of this UID is there"
            return result_of(sendable, Category.STORED if same else Category.REFUSED, comment)
        try:
            write_file(target, data, overwrite=False, tidy=False)
        except OutputError as error:
            return result_of(sendable, Category.UNSENT, error.message)
        return result_of(sendable, Category.STORED)


def _limited(found: list[Item], limit: int | None) -> Listing[Item]:
    if limit is None or len(found) <= limit:
        return Listing(tuple(found))
    return Listing(tuple(found[:limit]), limited_to(limit))


def result_of(sendable: Sendable, category: Category, comment: str = "") -> Result:
    """Return the result of an instance that no protocol gave a status."""
    return Result(sendable.sop_instance_uid, sendable.sop_class_uid, sendable.name, category, None, comment)
