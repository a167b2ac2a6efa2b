"""Instances whose texts name somebody, as they come from a file."""

from __future__ import annotations

from functools import partial
from io import BytesIO

from pydicom import dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from derive.deidentification.text.identifiers import Identifier
from derive.elements.instance import Instance
from derive.rewriting.file import stored_file
from tests.helpers.instances import item, uid


def patient(**more: object) -> Dataset:
    """A CT image of a patient of whom everything is said."""
    said = {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
        "SOPInstanceUID": uid("one"),
        "StudyInstanceUID": uid("study"),
        "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう",
        "PatientID": "MRN-778812",
        "PatientBirthDate": "19500123",
        "AccessionNumber": "ACC4711",
        "InstitutionName": "Charité Universitätsmedizin Berlin",
        "ReferringPhysicianName": "Müller^Anne-Marie^^Dr.",
        "StationName": "AWP66035",
        "StudyDate": "20240119",
    }
    return item(**(said | more))


def read(dataset: Dataset) -> Instance:
    """The instance as it is read from what is written of it."""
    return stored_file("file", partial(BytesIO, written(dataset))).instance


def written(dataset: Dataset) -> bytes:
    """A Part 10 file of a data set."""
    buffer = BytesIO()
    dataset.ensure_file_meta()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def own(*said: tuple[str, str]) -> frozenset[Identifier]:
    """Identifiers by their kind."""
    return frozenset(Identifier(kind, text) for kind, text in said)
