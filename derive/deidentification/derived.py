"""A series that is derived and de-identified in one go: what is written in between lies where nobody looks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from pydicom.dataset import Dataset

from derive.deidentification.deidentify import deidentify
from derive.deidentification.in_memory import dataset
from derive.deidentification.line.report import DeidentificationReport
from derive.deidentification.profile.profile import BASIC, Profile
from derive.deidentification.profile.wanted import settled, wanted_of
from derive.errors import OutputError
from derive.pacs.address import Address
from derive.pacs.config import Destination
from derive.pacs.send import SendReport, send
from derive.writing.atomic import refuse_folder
from derive.writing.unfinished import scratch


class Writable(Protocol):
    """What can be written as a series: :class:`derive.builder.DerivedSeries`."""

    def write(self, folder: str | Path, *, progress: Callable[[int, int], None] | None = None) -> Any:
        """Write it into a folder that is new."""

    def instances(self) -> Iterator[Dataset]:
        """Give its instances one at a time."""


@dataclass(frozen=True)
class DeidentifiedSeries:
    """A derived series as it may leave the house: :meth:`derive.builder.DerivedSeries.deidentified` makes it.

    It is de-identified as every other set is, by :func:`derive.deidentify`: what derive wrote of itself too.

    Parameters
    ----------
    series : Writable
    options : mapping of str to object
        As in :class:`derive.deidentification.profile.wanted.Wanted`.
    sources : sequence of Path
        Files that must not be touched.
    """

    series: Writable
    options: Mapping[str, Any] = field(repr=False)  # a key is among them
    sources: Sequence[Path] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        wanted_of(self.options)

    def write(
        self,
        folder: str | Path,
        *,
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> DeidentificationReport:
        """Compute the series, and write it de-identified: every object read again and searched, or in quarantine.

        Parameters
        ----------
        folder : str or Path
            New or empty.
        overwrite : bool
            Replace a folder that is not empty, as a whole, if derive wrote all that is in it.
        progress : callable (done, all), optional
            Of computing it.

        Raises
        ------
        UsageError
            For an option, profile, rule or key that cannot be, before anything is computed.
        OutputError
            If the folder cannot be written as asked.
        InvalidInstance
            If the check of the derived series finds errors; nothing is written.
        """
        settled(wanted_of(self.options)).run.uids.close()
        refuse_folder(Path(folder), self.sources, overwrite=overwrite)
        with scratch() as place:
            self.series.write(Path(place) / "series", progress=progress)
            return deidentify(Path(place) / "series", folder, **{**self.options, "overwrite": overwrite})

    def instances(self) -> Iterator[Dataset]:
        """Give the instances one at a time, de-identified; nothing searches them afterwards, as :meth:`write` does."""
        for instance in self.series.instances():
            yield dataset(instance, **self.options)

    def send(self, target: str | Address | Destination, **options: Any) -> SendReport:
        """Write the series into a temporary folder, de-identified and searched, and send it to an archive.

        Parameters
        ----------
        target : str, Address or Destination
        **options
            As in :class:`derive.pacs.send.SendOptions`.

        Raises
        ------
        OutputError
            ``DEID-QUARANTINE`` if not all of it may be published: nothing is sent.
        NetworkError
            If nothing can be sent at all.
        """
        folder = scratch()
        report = self.write(Path(folder.name) / "series")
        if not report.ok:
            kinds = sorted({fault.kind for record in report.quarantined for fault in record.faults})
            why = ", ".join(kinds) or "; ".join(sorted({other.code for other in report.refused}))
            raise OutputError("DEID-QUARANTINE", f"not all of the series may be published, and nothing is sent: {why}")
        return replace(send(Path(folder.name) / "series", target, **options), kept=folder)


def wanted_options(profile: str | Profile = BASIC, *, keep_uids: bool = False, **options: Any) -> dict[str, Any]:
    """Return the options of a run.

    Parameters
    ----------
    profile : str or Profile
    keep_uids : bool
        The option Retain UIDs by its shorter name.
    **options
        As in :class:`derive.deidentification.profile.wanted.Wanted`.
    """
    retain = (*options.pop("retain", ()), *(("uids",) if keep_uids else ()))
    return {"profile": profile, **({"retain": retain} if retain else {}), **options}
