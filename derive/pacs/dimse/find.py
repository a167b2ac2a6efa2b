"""Ask an archive what it has: C-FIND, level by level (PS3.4 C.4.1)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from derive.errors import NetworkError, UsageError
from derive.pacs.address import DimseAddress
from derive.pacs.dimse.association import associated
from derive.pacs.matching import is_harmless_uid, matches, texts
from derive.pacs.outcome import FoundSeries

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1.1"
#: Levels of each model from above, and the unique key of each level (PS3.4 C.3).
LEVELS: Mapping[str, tuple[str, ...]] = {
    STUDY_ROOT: ("STUDY", "SERIES", "IMAGE"),
    PATIENT_ROOT: ("PATIENT", "STUDY", "SERIES", "IMAGE"),
}
UNIQUE: Mapping[str, str] = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
#: What is asked for at each level beside its unique key.
_ASKED: Mapping[str, tuple[str, ...]] = {
    "PATIENT": (),
    "STUDY": ("AccessionNumber",),
    "SERIES": ("Modality", "SeriesNumber", "SeriesDescription", "NumberOfSeriesRelatedInstances"),
    "IMAGE": ("SOPClassUID",),
}
FILTERS = frozenset({*UNIQUE.values(), *_ASKED["STUDY"], "Modality", "SeriesDescription"} - {"SOPInstanceUID"})
_ABOVE_SERIES = frozenset({"PatientID", "StudyInstanceUID", "AccessionNumber"})
#: As many patients or studies are gone through one by one to find a series; above that, one has to be named.
MOST = 500

#: As archives have them, which is less strict than the standard.
Match = Mapping[str, str]
Answered = TypeVar("Answered")
_log = logging.getLogger(__name__)


class Unanswered(NetworkError):  # noqa: N818 - it is a question that is unanswered
    """There was no answer where there should have been one; it may have been lost on this side, so ask once more."""


def find_series(address: DimseAddress, filters: Mapping[str, str]) -> list[FoundSeries]:
    """Find series of an archive.

    Parameters
    ----------
    address : DimseAddress
    filters : mapping keyword -> value
        StudyInstanceUID, SeriesInstanceUID, AccessionNumber, PatientID, Modality, SeriesDescription; wildcards ``*``
        and ``?`` except in UIDs. Empty values match everything.

    Returns
    -------
    list of FoundSeries
        Each once; none if nothing matches.

    Raises
    ------
    UsageError
        ``NET-FILTER`` for another keyword, or what cannot be its value.
    NetworkError
        ``NET-FIND`` if the archive offers no queries, refuses one, cannot match by a key, or has too many studies to
        go through; and if it cannot be reached.
    """
    keys = {k: v.strip() for k, v in filters.items() if v.strip()}
    _check(keys)
    answers = twice(lambda: _with_finder(address, lambda finder: _series(finder, keys)))
    found = {(a["StudyInstanceUID"], a["SeriesInstanceUID"]): FoundSeries.of(a) for a in answers}
    _log.info("%s has %d series that match", address, len(found))
    return list(found.values())


def instances_of(address: DimseAddress, study_uid: str, series_uid: str) -> list[str]:
    """Return the SOP Instance UIDs that an archive has of a series; none if it has no such series.

    Raises
    ------
    UsageError
        ``NET-FILTER`` for what is no UID.
    NetworkError
        As :func:`find_series`.
    """
    return list(images_of(address, study_uid, series_uid))


def images_of(address: DimseAddress, study_uid: str, series_uid: str) -> dict[str, str]:
    """Return the SOP Class UID by SOP Instance UID of a series; empty ones where the archive does not say.

    Raises
    ------
    UsageError, NetworkError
        As :func:`instances_of`.
    """
    keys = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": series_uid}
    _check(keys)

    def ask(finder: Finder) -> list[Match]:
        # The unique keys of all levels above the images are known in the Study Root model: one question is enough.
        direct = finder.levels[0] == "STUDY"
        return finder.ask("IMAGE", keys, keys) if direct else list(finder.descend(finder.levels, keys))

    answers = twice(lambda: _with_finder(address, ask))
    return {a["SOPInstanceUID"]: a.get("SOPClassUID", "") for a in answers if a.get("SOPInstanceUID")}


class Finder:
    """Asks on one association.

    Parameters
    ----------
    association : pynetdicom Association
    address : DimseAddress
    """

    def __init__(self, association: Any, address: DimseAddress) -> None:
        self._association, self._address = association, address
        accepted = {str(c.abstract_syntax) for c in association.accepted_contexts}
        self._model = next((m for m in LEVELS if m in accepted), None)
        if self._model is None:
            raise NetworkError(
                "NET-FIND", f"{address} offers no queries (C-FIND of Study or Patient Root)", offered=False
            )
        self.levels = LEVELS[self._model]

    def descend(self, levels: Sequence[str], keys: Match, above: Match | None = None) -> Iterator[Match]:
        """Ask level by level, each with the unique keys of those above, as every archive must answer."""
        level, *lower = levels
        above = above or {}
        unique = {UNIQUE[name]: above[UNIQUE[name]] for name in self.levels[: self.levels.index(level)]}
        answers = self.ask(level, unique, keys)
        if lower and len(answers) > MOST:
            raise NetworkError(
                "NET-FIND",
                f"{self._address} has {len(answers)} at level {level}, and would have to be asked of each; wanted at "
                f"most {MOST}: name StudyInstanceUID, AccessionNumber or PatientID",
            )
        for answer in answers:
            if answer.get(UNIQUE[level]):
                facts = {**above, **{k: v for k, v in answer.items() if v}}
                yield from self.descend(lower, keys, facts) if lower else (facts,)

    def ask(self, level: str, unique: Match, keys: Match) -> list[Match]:
        """Ask one question; give the answers that match indeed.

        Raises
        ------
        NetworkError
            ``NET-FIND`` with the status in words.
        """
        own = {name: keys.get(name, "") for name in (UNIQUE[level], *self._patient(level), *_ASKED[level])}
        answers = [texts(a) for a in self._answers(_identifier(level, {**unique, **own}))]
        return [a for a in answers if self._kept(a, own) and _agrees(a, unique)]

    def _patient(self, level: str) -> tuple[str, ...]:
        """Attributes of the patient stand at the level of the study in the Study Root model (PS3.4 C.6.2.1)."""
        return ("PatientID",) if level == "STUDY" and self.levels[0] == "STUDY" else ()

    def _answers(self, identifier: Dataset) -> Iterator[Dataset]:
        for status, answer in self._association.send_c_find(identifier, self._model):
            if "Status" not in status:
                raise Unanswered("NET-FIND", f"{self._address} did not answer a query, or its answer was lost")
            if status.Status in (0xFF00, 0xFF01):
                if answer is None:
                    raise NetworkError("NET-FIND", f"{self._address} gave an answer that cannot be decoded")
                yield answer
            elif status.Status != 0x0000:
                words = f"{self._address} refuses a query at level {identifier.QueryRetrieveLevel}: {in_words(status)}"
                raise NetworkError("NET-FIND", words, status=int(status.Status))

    def _kept(self, answer: Match, keys: Match) -> bool:
        """Whether an answer matches: an archive may ignore keys that it does not know (PS3.4 C.2.2.1.3)."""
        for name, key in keys.items():
            if not key:
                continue
            if name not in answer:
                raise NetworkError(
                    "NET-FIND", f"{self._address} does not match by {name}; find without it and choose by its UID"
                )
            if not matches(key, answer[name], dictionary_VR(name), fold=True):
                return False
        return True


def twice(ask: Callable[[], Answered]) -> Answered:
    """Ask once more where there was no answer: to ask changes nothing, and pynetdicom loses one now and then."""
    try:
        return ask()
    except Unanswered as error:
        _log.warning("asking once more: %s", error.message)
        return ask()


def in_words(status: Dataset) -> str:
    """Return a status as number, name, and what the archive said beside it."""
    from pynetdicom.status import QR_FIND_SERVICE_CLASS_STATUS, QR_MOVE_SERVICE_CLASS_STATUS

    code = int(status.Status)
    names = QR_FIND_SERVICE_CLASS_STATUS | QR_MOVE_SERVICE_CLASS_STATUS
    parts = (names.get(code, ("", ""))[1] or "a status of its own", str(status.get("ErrorComment", "")).strip())
    return f"0x{code:04X}, {': '.join(p for p in parts if p)}"


def _with_finder(address: DimseAddress, ask: Callable[[Finder], Answered]) -> Answered:
    from pynetdicom import build_context

    try:
        with associated(address, [build_context(model) for model in LEVELS]) as association:
            return ask(Finder(association, address))
    except NetworkError as error:
        if error.code != "NET-CONTEXT":
            raise
        message = f"{address} offers no queries (C-FIND of the Study or Patient Root)"
        raise NetworkError("NET-FIND", message, offered=False) from error


def _agrees(answer: Match, unique: Match) -> bool:
    """Unique keys of the levels above need not be in an answer; where they are, they are those that were asked for."""
    return all(
        not answer.get(name) or matches(key, answer[name], dictionary_VR(name), fold=True)
        for name, key in unique.items()
    )


def _series(finder: Finder, keys: Match) -> list[Match]:
    levels = finder.levels[:-1]
    if _ABOVE_SERIES.isdisjoint(keys) and levels[0] == "STUDY":
        # Of a series alone the standard does not answer; many archives do, and there may be very many studies.
        try:
            answers = finder.ask("SERIES", {"StudyInstanceUID": ""}, keys)
        except NetworkError as error:
            if "status" not in error.facts:
                raise
            answers = []
        studies = list(dict.fromkeys(a.get("StudyInstanceUID", "") for a in answers))
        if studies and all(studies):
            return [a for study in studies for a in finder.descend(levels, {**keys, "StudyInstanceUID": study})]
    return list(finder.descend(levels, keys))


def _check(keys: Mapping[str, str]) -> None:
    unknown = sorted(keys.keys() - FILTERS)
    if unknown:
        raise UsageError(
            "NET-FILTER", f"series cannot be found by {', '.join(unknown)}; wanted {', '.join(sorted(FILTERS))}"
        )
    for name, value in keys.items():
        if name.endswith("UID") and not all(is_harmless_uid(uid) for uid in value.split("\\")):
            raise UsageError("NET-FILTER", f"{name} is no UID; wanted digits and dots, at most 64 characters")
        if not name.endswith("UID") and ("\\" in value or not value.isprintable()):
            raise UsageError("NET-FILTER", f"{name} has a backslash or a control character; wanted one value")


def _identifier(level: str, keys: Match) -> Dataset:
    """Identifier of a query; keys hold wildcards, so they are no values of their value representation."""
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    if not all(value.isascii() for value in keys.values()):
        identifier.SpecificCharacterSet = "ISO_IR 192"
    for name, value in keys.items():
        tag = tag_for_keyword(name)
        assert tag is not None, "the keys are this module's own"
        identifier.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=config.IGNORE))
    return identifier
