"""What a small archive has, in memory: what can be asked of each instance, and what a query matches (PS3.4 C.6)."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from derive.pacs.matching import dataset_of, is_uid, matches, texts
from derive.reading.files import UNFINISHED

#: Unique key of each level first, and what can be asked for beside it.
LEVELS: Mapping[str, tuple[str, ...]] = {
    "PATIENT": ("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    "STUDY": (
        "StudyInstanceUID",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "StudyID",
        "StudyDescription",
        "ReferringPhysicianName",
    ),
    "SERIES": (
        "SeriesInstanceUID",
        "Modality",
        "SeriesNumber",
        "SeriesDescription",
        "SeriesDate",
        "SeriesTime",
        "BodyPartExamined",
        "ProtocolName",
        "FrameOfReferenceUID",
        "Manufacturer",
        "InstitutionName",
    ),
    "IMAGE": (
        "SOPInstanceUID",
        "SOPClassUID",
        "InstanceNumber",
        "ContentDate",
        "ContentTime",
        "AcquisitionDate",
        "AcquisitionTime",
        "ImageType",
        "NumberOfFrames",
    ),
}
KEYWORDS: tuple[str, ...] = tuple(k for keywords in LEVELS.values() for k in keywords)
#: What is counted at each level, of all instances below.
_COUNTED: Mapping[str, Mapping[str, str]] = {
    "PATIENT": {
        "NumberOfPatientRelatedStudies": "StudyInstanceUID",
        "NumberOfPatientRelatedSeries": "SeriesInstanceUID",
        "NumberOfPatientRelatedInstances": "SOPInstanceUID",
    },
    "STUDY": {"NumberOfStudyRelatedSeries": "SeriesInstanceUID", "NumberOfStudyRelatedInstances": "SOPInstanceUID"},
    "SERIES": {"NumberOfSeriesRelatedInstances": "SOPInstanceUID"},
    "IMAGE": {},
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """An instance that is kept.

    Parameters
    ----------
    path : Path
    transfer_syntax_uid : str
    values : mapping keyword -> text
        Of what can be asked; several values stand between backslashes.
    """

    path: Path
    transfer_syntax_uid: str
    values: Mapping[str, str] = field(repr=False)

    @property
    def sop_instance_uid(self) -> str:
        """Of the instance."""
        return self.values["SOPInstanceUID"]

    @property
    def sop_class_uid(self) -> str:
        """Of the instance."""
        return self.values["SOPClassUID"]


def read_kept(path: Path, data: bytes | None = None, *, legal_only: bool = True) -> Kept:
    """Read the head of a Part 10 file; of `data` if it is not on the disk yet.

    Parameters
    ----------
    path : Path
    data : bytes, optional
    legal_only : bool
        Whether the UIDs have to be legal; else they have to be there.

    Raises
    ------
    ValueError
        If it cannot be read, or its UIDs are none; the text says which and holds no value.
    """
    try:
        source = path if data is None else io.BytesIO(data)
        head = dcmread(source, specific_tags=["SpecificCharacterSet", *KEYWORDS], stop_before_pixels=True)
        values = {keyword: text for keyword, text in texts(head).items() if keyword in KEYWORDS}
        syntax = str(head.file_meta.TransferSyntaxUID)
    except (
        OSError,
        InvalidDicomError,
        AttributeError,
        ValueError,
        KeyError,
        NotImplementedError,
        RecursionError,
    ) as error:
        raise ValueError(f"it cannot be read ({type(error).__name__})") from None
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"):
        uid = values.get(keyword, "")
        if not (is_uid(uid) if legal_only else uid):
            raise ValueError(f"{keyword} is missing, or no UID")
    return Kept(path, syntax, values)


class Index:
    """Instances by SOP Instance UID; may be used by several threads.

    Parameters
    ----------
    legal_only : bool
        Whether instances are left out whose UIDs are not legal.
    """

    def __init__(self, *, legal_only: bool = True) -> None:
        self._legal_only = legal_only
        self._kept: dict[str, Kept] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def read(self, folder: Path) -> None:
        """Take every ``.dcm`` file of a folder; what cannot be read, or is there twice, is left out and logged."""
        for path in sorted(folder.rglob("*.dcm")):
            if any(map(UNFINISHED.fullmatch, path.relative_to(folder).parts)):
                continue
            if not path.is_file():
                _log.warning("%s is left out: it is no regular file", path.name)
                continue
            self.take(path)

    def take(self, path: Path) -> None:
        """Take a file; what cannot be read, or is there already, is left out and logged."""
        try:
            kept = read_kept(path, legal_only=self._legal_only)
        except ValueError as error:
            _log.warning("%s is left out: %s", path.name, error)
            return
        if self.get(kept.sop_instance_uid) is not None:
            _log.warning("%s is left out: its SOP Instance UID is there already", path.name)
            return
        self.add(kept)

    def add(self, kept: Kept) -> None:
        """Take an instance."""
        with self._lock:
            self._kept[kept.sop_instance_uid] = kept

    def get(self, sop_instance_uid: str) -> Kept | None:
        """Return an instance."""
        return self._kept.get(sop_instance_uid)

    def instances(self, keys: Mapping[str, str], *, fold: bool = False) -> list[Kept]:
        """Return the instances that match all keys that are known; with `fold`, whatever the case of letters."""
        with self._lock:
            every = list(self._kept.values())
        known = [(k, key, dictionary_VR(k)) for k, key in keys.items() if key and k in KEYWORDS]
        return [i for i in every if all(matches(key, i.values.get(k, ""), vr, fold=fold) for k, key, vr in known)]

    def find(self, level: str, keys: Mapping[str, str], *, fold: bool = False) -> Iterator[Dataset]:
        """Give the answers to a query: one for each patient, study, series or instance that matches.

        Parameters
        ----------
        level : str
            One of :data:`LEVELS`.
        keys : mapping keyword -> text
            Of any level; empty ones are asked for and match everything.
        fold : bool
            Whether the case of letters does not matter.
        """
        unique = LEVELS[level][0]
        found = _grouped(unique, self.instances({k: v for k, v in keys.items() if k != "ModalitiesInStudy"}, fold=fold))
        whole = _grouped(unique, self.instances({}))
        for value, group in found.items():
            values = _values(level, group[0], whole[value])
            if level != "STUDY" or matches(keys.get("ModalitiesInStudy", ""), values["ModalitiesInStudy"], "CS"):
                yield dataset_of({k: v for k, v in values.items() if k in keys or k == unique})


def _grouped(keyword: str, instances: Iterable[Kept]) -> dict[str, list[Kept]]:
    groups: dict[str, list[Kept]] = {}
    for instance in instances:
        groups.setdefault(instance.values.get(keyword, ""), []).append(instance)
    return groups


def _values(level: str, one: Kept, below: Sequence[Kept]) -> dict[str, str]:
    """What can be said in one answer: attributes of its level and those above, and counts of all that is below."""
    names = list(LEVELS)
    above = [k for name in names[: names.index(level) + 1] for k in LEVELS[name]]
    values = {k: one.values.get(k, "") for k in above}
    values |= {k: str(len({i.values.get(what) for i in below})) for k, what in _COUNTED[level].items()}
    if level == "STUDY":
        values["ModalitiesInStudy"] = "\\".join(sorted({i.values.get("Modality", "") for i in below} - {""}))
    return values
