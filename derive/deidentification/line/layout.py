"""What files and folders are called: by what the objects say now, never by what they were called or said before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from derive.elements.instance import Instance
from derive.errors import UsageError
from derive.told.wording import did_you_mean
from derive.writing.part10 import file_name

LAYOUTS = ("tree", "flat")
#: Names that a medium with a DICOMDIR may have (PS3.10 8.2, 8.5).
MEDIA = "media"
#: Of a name of a folder stands so much; a Patient ID has at most 64 characters (PS3.5 6.2).
_LONGEST = 64
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
#: What no system takes as a name, or takes for something else.
_RESERVED = re.compile(r"\.*|(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Names:
    """What an object says of itself that can name its file.

    Parameters
    ----------
    patient_id, study_uid, series_uid, sop_instance_uid : str
    """

    patient_id: str
    study_uid: str
    series_uid: str
    sop_instance_uid: str

    @classmethod
    def of(cls, instance: Instance) -> Names:
        """Take them from an object that is asked leniently."""
        keywords = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        return cls(*(instance.text(keyword) for keyword in keywords))


def checked_layout(layout: str) -> str:
    """Return a layout.

    Raises
    ------
    UsageError
        ``DEID-LAYOUT`` for one that is not known.
    """
    if layout not in LAYOUTS:
        hint = did_you_mean(layout, LAYOUTS)
        raise UsageError("DEID-LAYOUT", f"there is no layout {layout!r:.40}{hint}; there are {', '.join(LAYOUTS)}")
    return layout


def folder_of(names: Names, before: Names, stand_in: str) -> PurePosixPath:
    """Return the folder of a series: ``<Patient ID>/<study>/<series>``.

    Parameters
    ----------
    names : Names
        What the objects say now.
    before : Names
        What they said before.
    stand_in : str
        What the patient's folder is called where the Patient ID was kept: it tells whose images these are, and a name
        of a folder is read by whoever lists it. UIDs that were kept are not hidden so: they name nobody.
    """
    patient = stand_in if names.patient_id in ("", before.patient_id) else names.patient_id
    parts = (fit(patient, "patient"), fit(names.study_uid, "study"), fit(names.series_uid, "series"))
    return PurePosixPath(*parts)


@dataclass
class MediaNames:
    """What folders of a medium are called: by their numbers, in the order in which they come. It remembers."""

    numbers: dict[tuple[str, ...], int] = field(default_factory=dict)

    def folder(self, names: Names) -> PurePosixPath:
        """Return the folder of one more series."""
        keys = ((names.patient_id,), (names.patient_id, names.study_uid))
        parts = [f"{kind}{self._number(key):06d}" for kind, key in zip(("PA", "ST"), keys, strict=True)]
        return PurePosixPath(*parts, f"SE{self._next((names.patient_id, names.study_uid, '')):06d}")

    def _number(self, key: tuple[str, ...]) -> int:
        return self.numbers.get(key) or self.numbers.setdefault(key, self._next((*key[:-1], "", "")))

    def _next(self, counter: tuple[str, ...]) -> int:
        self.numbers[counter] = self.numbers.get(counter, 0) + 1
        return self.numbers[counter]


def files_of(names: Sequence[Names], layout: str, taken: Counter[str]) -> list[str]:
    """Return the names of the files of a series: by their places in it, or, where all lie in one folder, by their UIDs.

    Parameters
    ----------
    names : sequence of Names
    layout : str
    taken : Counter of str
        How often each name was given in the folder: two objects that have one UID share no file. It is counted on.
    """
    if layout == MEDIA:
        return [f"IM{k:06d}" for k in range(1, len(names) + 1)]
    if layout != "flat":
        return [file_name(k) for k in range(1, len(names) + 1)]
    return [_free(fit(n.sop_instance_uid, "object"), taken) for n in names]


def _free(stem: str, taken: Counter[str]) -> str:
    taken[stem] += 1
    return f"{stem}.dcm" if taken[stem] == 1 else f"{stem}-{taken[stem]}.dcm"


def fit(text: str, otherwise: str) -> str:
    """Return a text as any system takes it for a name.

    Examples
    --------
    >>> fit("S-001", "patient"), fit("../a b/c", "patient"), fit("..", "patient"), fit("con", "patient")
    ('S-001', 'a_b_c', 'patient', '_con')
    """
    name = _UNFIT.sub("_", text).strip("._ ")[:_LONGEST]
    return (name and (f"_{name}" if _RESERVED.fullmatch(name) else name)) or otherwise
