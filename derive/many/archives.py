"""An archive as a source: rules are asked by what it lists; what that does not settle, a worker fetches to know."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from derive.errors import NetworkError
from derive.many.criteria import IMAGES
from derive.many.ledger import Ledger
from derive.many.outcome import Ending, Outcome
from derive.many.plan import Plan
from derive.many.selecting import may_be_wanted
from derive.many.tasks import Delivery, SeriesTask
from derive.many.working import NO_RULE
from derive.pacs.archive import archive_at
from derive.pacs.config import Destination
from derive.pacs.find import find
from derive.pacs.found import FoundSeries
from derive.reading.files import Unreadable

#: So many studies are asked for at most; of each its series are then asked.
_MOST = 100_000


class ArchiveSource:
    """The series of an archive.

    Parameters
    ----------
    archive : Destination
    filters : mapping of str to str
        As :func:`derive.find` takes them.
    plan : Plan
    delivery : Delivery

    Raises
    ------
    NetworkError
        ``MANY-CUT`` where the archive lists less than it has: nobody would see what is left out.
    """

    def __init__(self, archive: Destination, filters: Mapping[str, str], plan: Plan, delivery: Delivery) -> None:
        self._archive, self._plan, self._delivery = archive, plan, delivery
        known = archive_at(archive, new_folder=False)
        studies = find(known, level="study", limit=_MOST, **_asked(filters))
        if studies.cut:
            text = f"{archive.address} does not list all studies ({studies.cut}); ask for fewer, by date"
            raise NetworkError("MANY-CUT", text)
        self._series: list[FoundSeries] = []
        for study in studies:
            listed = find(known, level="series", limit=_MOST, study_uid=study.study_instance_uid)
            if listed.cut:
                raise NetworkError("MANY-CUT", f"{archive.address} does not list all series of a study ({listed.cut})")
            self._series += [s for s in listed if isinstance(s, FoundSeries)]
        self._wanted = [may_be_wanted(plan, _facts(series)) for series in self._series]
        self.total = sum(self._wanted)

    def tasks(self, ledger: Ledger) -> Iterator[SeriesTask | Outcome]:
        """Give tasks in the order of the archive's list."""
        keys = "".join(self._plan.key(rule) for rule in self._plan.rules)
        for series, wanted in zip(self._series, self._wanted, strict=True):
            uid = series.series_instance_uid
            if not wanted:
                yield Outcome(Ending.SKIPPED, uid, code=NO_RULE, message="no rule wants it")
                continue
            said = f"{keys} {series.study_instance_uid} {uid} {series.instances}"
            yield SeriesTask(
                series_instance_uid=uid,
                plan=replace(self._plan),
                delivery=self._delivery,
                digest=hashlib.sha256(said.encode()).hexdigest(),
                archive=self._archive,
                study_instance_uid=series.study_instance_uid,
                replaces=ledger.known(f"{uid} *") is not None,
            )

    def unread(self) -> Iterator[Unreadable]:
        """Nothing is known of an archive that cannot be read."""
        return iter(())


def _asked(filters: Mapping[str, str]) -> dict[str, Any]:
    """Return the filters that say something."""
    return {name: text for name, text in filters.items() if text}


def _facts(series: FoundSeries) -> dict[str, str]:
    said = {
        "StudyInstanceUID": series.study_instance_uid,
        "SeriesInstanceUID": series.series_instance_uid,
        "Modality": series.modality,
        "SeriesNumber": "" if series.series_number is None else str(series.series_number),
        "SeriesDescription": series.series_description,
        "PatientID": series.patient_id,
        "PatientName": series.patient_name,
        "StudyDate": series.study_date,
        "AccessionNumber": series.accession_number,
        "StudyDescription": series.study_description,
        IMAGES: "" if series.instances is None else str(series.instances),
    }
    return {keyword: text for keyword, text in said.items() if text}
