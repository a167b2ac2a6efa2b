"""C-FIND on one association: questions level by level, and whether what came back is all (PS3.4 C.4.1)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset

from derive.errors import NetworkError
from derive.pacs.address import DimseAddress
from derive.pacs.dimse.association import abort
from derive.pacs.found import SERIES_KEYWORDS, STUDY_KEYWORDS, limited_to
from derive.pacs.matching import dataset_of, matches, texts

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
#: Of the patient; in the Study Root model they stand at the level of the study (PS3.4 C.6.2.1).
_OF_PATIENT = ("PatientID", "PatientName")
#: What is asked for at each level beside its unique key.
ASKED: Mapping[str, tuple[str, ...]] = {
    "PATIENT": tuple(k for k in _OF_PATIENT if k != "PatientID"),
    "STUDY": tuple(k for k in STUDY_KEYWORDS if k not in _OF_PATIENT),
    "SERIES": SERIES_KEYWORDS,
    "IMAGE": ("SOPClassUID",),
}
#: As many patients or studies are gone through one by one to find a series; above that, one has to be named.
MOST = 500
_PENDING = (0xFF00, 0xFF01)
_MESSAGE_ID = 1

#: As archives have them, which is less strict than the standard.
Match = Mapping[str, str]
_log = logging.getLogger(__name__)


class Unanswered(NetworkError):  # noqa: N818 - it is a question that is unanswered
    """There was no answer where there should have been one; it may have been lost on this side, so ask once more."""


class Finder:
    """Asks on one association, and remembers whether an answer was cut.

    Parameters
    ----------
    association : pynetdicom Association
    address : DimseAddress
    last : bool
        Whether this is the last try: what came before the association ended is then taken, as a part.
    """

    def __init__(self, association: Any, address: DimseAddress, *, last: bool = True) -> None:
        self._association, self._address, self._last = association, address, last
        accepted = {str(c.abstract_syntax) for c in association.accepted_contexts}
        self._model = next((m for m in LEVELS if m in accepted), None)
        if self._model is None:
            raise NetworkError(
                "NET-FIND", f"{address} offers no queries (C-FIND of Study or Patient Root)", offered=False
            )
        self.levels = LEVELS[self._model]
        #: Why there may be more than was answered; empty while every question was answered in order.
        self.cut = ""
        self._lost = False

    def descend(
        self, levels: Sequence[str], keys: Match, above: Match | None = None, *, partly: bool = False
    ) -> Iterator[Match]:
        """Ask level by level, each with the unique keys of those above, as every archive must answer.

        Parameters
        ----------
        levels : sequence of str
        keys : mapping keyword -> value
        above : mapping keyword -> value, optional
            What is known of the levels above.
        partly : bool
            Where there are too many to be asked one by one, ask the first of them, and remember that it was cut.
        """
        level, *lower = levels
        above = above or {}
        unique = {UNIQUE[name]: above[UNIQUE[name]] for name in self.levels[: self.levels.index(level)]}
        answers = self.ask(level, unique, keys)
        if lower and len(answers) > MOST:
            told = f"{self._address} has {len(answers)} at level {level}, and would have to be asked of each"
            if not partly:
                advice = f"wanted at most {MOST}: name StudyInstanceUID, AccessionNumber or PatientID"
                raise NetworkError("NET-FIND", f"{told}; {advice}")
            self.cut = self.cut or f"{told}; the first {MOST} were looked into"
            answers = answers[:MOST]
        for answer in answers:
            if answer.get(UNIQUE[level]):
                facts = {**above, **{k: v for k, v in answer.items() if v}}
                yield from self.descend(lower, keys, facts, partly=partly) if lower else (facts,)

    def ask(self, level: str, unique: Match, keys: Match, most: int | None = None) -> list[Match]:
        """Ask one question; give the answers that match indeed.

        Parameters
        ----------
        level : str
        unique, keys : mapping keyword -> value
            Unique keys of the levels above; and whatever is asked for, of which this level takes its own.
        most : int, optional
            After so many answers the archive is told to stop, if it has more.

        Raises
        ------
        NetworkError
            ``NET-FIND`` with the status in words, if it failed before there was any answer.
        """
        own = {name: keys.get(name, "") for name in (UNIQUE[level], *self._patient(level), *ASKED[level])}
        found: list[Match] = []
        for answer in self._answers(_identifier(level, {**unique, **own})):
            match = texts(answer)
            if not (self._kept(match, own) and _agrees(match, unique)):
                continue
            if most is not None and len(found) >= most:
                self._cancel(limited_to(most))
                break
            found.append(match)
        return found

    def has(self, unique: Match, uid: str) -> bool | None:
        """Whether it has an instance of a series; None if what it says does not tell."""
        before, self.cut = self.cut, ""
        own = dict.fromkeys(ASKED["IMAGE"], "") | {UNIQUE["IMAGE"]: uid}
        answers = [texts(a) for a in self._answers(_identifier("IMAGE", {**unique, **own}))]
        cut, self.cut = self.cut, before
        if any(a.get(UNIQUE["IMAGE"]) == uid for a in answers):
            return True
        return False if not answers and not cut else None

    def _patient(self, level: str) -> tuple[str, ...]:
        return _OF_PATIENT if level == "STUDY" and self.levels[0] == "STUDY" else ()

    def _answers(self, identifier: Dataset) -> Iterator[Dataset]:
        """Give the answers to a question; what ends it early, after some came, is remembered."""
        if self._lost:
            if self.cut:
                return
            raise Unanswered("NET-FIND", f"{self._address} ended the association; nothing more can be asked on it")
        level, came, undecoded = identifier.QueryRetrieveLevel, 0, 0
        for status, answer in self._association.send_c_find(identifier, self._model, _MESSAGE_ID):
            if "Status" not in status:
                self._lost = True
                if came and self._last:
                    self.cut = f"{self._address} ended the association after {came} answers at level {level}"
                    return
                raise Unanswered("NET-FIND", f"{self._address} did not answer a query, or its answer was lost")
            if status.Status in _PENDING:
                came += 1
                if answer is not None:
                    yield answer
                else:
                    undecoded += 1
            elif status.Status != 0x0000:
                if came == undecoded:
                    words = f"{self._address} refuses a query at level {level}: {in_words(status)}"
                    raise NetworkError("NET-FIND", words, status=int(status.Status))
                self.cut = f"{self._address} stopped after {came} answers at level {level}: {in_words(status)}"
        if undecoded:
            if came == undecoded:
                raise NetworkError("NET-FIND", f"{self._address} gave an answer that cannot be decoded")
            self.cut = self.cut or f"{self._address} gave {undecoded} answers that cannot be decoded"

    def _cancel(self, why: str) -> None:
        """Tell it to stop, and end the association: its other answers are on their way (PS3.4 C.4.1.3.2)."""
        self.cut, self._lost = why, True
        self._association.send_c_cancel(_MESSAGE_ID, query_model=self._model)
        abort(self._association)

    def _kept(self, answer: Match, keys: Match) -> bool:
        """Whether an answer matches: an archive may ignore keys that it does not know (PS3.4 C.2.2.1.3)."""
        for name, key in keys.items():
            if not key:
                continue
            if name not in answer:
                raise NetworkError(
                    "NET-FIND",
                    f"{self._address} does not match by {name}; find without it and choose by its UID",
                    unmatched=name,
                )
            if not matches(key, answer[name], dictionary_VR(name), fold=True):
                return False
        return True


def in_words(status: Dataset) -> str:
    """Return a status as number, name, and what the archive said beside it."""
    from pynetdicom.status import QR_FIND_SERVICE_CLASS_STATUS, QR_MOVE_SERVICE_CLASS_STATUS

    code = int(status.Status)
    names = QR_FIND_SERVICE_CLASS_STATUS | QR_MOVE_SERVICE_CLASS_STATUS
    parts = (names.get(code, ("", ""))[1] or "a status of its own", str(status.get("ErrorComment", "")).strip())
    return f"0x{code:04X}, {': '.join(p for p in parts if p)}"


def _agrees(answer: Match, unique: Match) -> bool:
    """Unique keys of the levels above need not be in an answer; where they are, they are those that were asked for."""
    return all(
        not answer.get(name) or matches(key, answer[name], dictionary_VR(name), fold=True)
        for name, key in unique.items()
    )


def _identifier(level: str, keys: Match) -> Dataset:
    """Identifier of a query."""
    return dataset_of({"QueryRetrieveLevel": level, **keys})
