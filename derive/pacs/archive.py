"""The one protocol behind which archives are, and the one place that makes an archive of an address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from derive.pacs.address import Address, DimseAddress, FolderAddress, WebAddress
from derive.pacs.config import Config, Destination, load
from derive.pacs.dimse.archive import DimseArchive
from derive.pacs.folder import FolderArchive
from derive.pacs.found import FoundSeries, FoundStudy, Listing
from derive.pacs.outcome import Commitment, Result, Take
from derive.pacs.sendable import Sendable
from derive.pacs.web.archive import WebArchive


class Archive(Protocol):
    """An archive, whatever it is spoken to by: DIMSE (PS3.4), DICOMweb (PS3.18), or files of a folder.

    What an archive does not have is refused with :class:`derive.errors.UsageError`; where it cannot be reached, or
    does not answer, every method raises :class:`derive.errors.NetworkError`.
    """

    #: The service that it is asked by what it has.
    query: str

    @property
    def destination(self) -> Destination:
        """Where it is, and how it is spoken with."""
        ...

    def studies(self, keys: Mapping[str, str], *, limit: int | None = None) -> Listing[FoundStudy]:
        """Return the studies that match; keys are values by keyword. Of more than a limit only so many."""
        ...

    def find(self, keys: Mapping[str, str], *, limit: int | None = None) -> Listing[FoundSeries]:
        """Return the series that match, each once; keys are values by keyword. Of more than a limit only so many."""
        ...

    def instances(self, study_uid: str, series_uid: str) -> Listing[str]:
        """Return the SOP Instance UIDs that it lists of a series; none if it has no such series."""
        ...

    def there(self, study_uid: str, series_uid: str, uids: Sequence[str]) -> Mapping[str, bool | None]:
        """Ask for each of some instances by itself whether it has it; None where that does not tell."""
        ...

    def fetch(self, study_uid: str, series_uid: str, take: Take, *, only: Sequence[str] = ()) -> None:
        """Hand over each Part 10 file of a series, as it is stored and as it comes; or of some instances alone."""
        ...

    def store(self, sendables: Sequence[Sendable]) -> Iterator[Result]:
        """Send instances; give the result of each as soon as it is final.

        Each is tried once, and again only what was refused for a passing reason or lost with a connection. Nothing is
        raised for an instance: only if nothing can be sent at all.
        """
        ...

    def commit(self, sendables: Sequence[Sendable], *, wait_s: float) -> Commitment:
        """Ask it to commit itself to keep instances (PS3.4 J), and wait for its report, so many seconds at most."""
        ...

    def echo(self) -> float:
        """Return after how many seconds it answered a message that wants nothing."""
        ...


def archive_at(
    target: str | Address | Destination | Archive,
    config: Config | None = None,
    *,
    listen: int | None = None,
    parallel: int | None = None,
    attempts: int = 3,
    new_folder: bool = True,
) -> Archive:
    """Return an archive by its name in the configuration, or its address; one that is an archive already as it is.

    Parameters
    ----------
    target : str, Address, Destination or Archive
    config : Config, optional
        Without it what :func:`derive.pacs.config.load` finds.
    listen : int, optional
        Port of ours that it answers to; what the configuration says without it.
    parallel : int, optional
        Associations side by side; what the configuration says without it.
    attempts : int
        How often an instance is sent at most.
    new_folder : bool
        Whether it may be a folder that is not there yet, as what is sent can make it.

    Raises
    ------
    UsageError
        ``NET-ADDRESS`` for what is neither a name nor an address.
    """
    match target:
        case str():
            destination = (config or load()).destination(target, new_folder=new_folder)
        case Destination():
            destination = target
        case DimseAddress() | WebAddress() | FolderAddress():
            destination = Destination(target)
        case _:
            return target
    listen, parallel = listen or destination.listen, parallel or destination.parallel
    match destination.address:
        case DimseAddress() as address:
            return DimseArchive(address, listen=listen, parallel=parallel, attempts=attempts)
        case WebAddress() as address:
            return WebArchive(address, attempts=attempts)
        case FolderAddress() as address:
            return FolderArchive(address)
