"""Data sets as they are after de-identification: written, and read back."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from derive.deidentification.engine.engine import Deidentified, Deidentifier
from derive.deidentification.profile.profile import Profile, profile_of
from derive.deidentification.run.run import run_of
from derive.rewriting.file import stored_file

KEY = b"a key of thirty-two bytes, or so"


def through(dataset: Dataset, *options: str, syntax: str = ExplicitVRLittleEndian, **profile) -> Dataset:
    """A data set, written, de-identified by the Basic Profile with some options, and read back."""
    return read_back(gone_through(dataset, *options, syntax=syntax, **profile))


def gone_through(dataset: Dataset, *options: str, syntax: str = ExplicitVRLittleEndian, **profile) -> Deidentified:
    wanted = Profile(options=profile_of().with_options(options).options, **profile)
    return engine(wanted).file(stored_file("a file", lambda: io.BytesIO(written(dataset, syntax))))


def engine(profile: Profile) -> Deidentifier:
    return Deidentifier(profile, run_of(profile, KEY))


def file_through(path: Path, deidentifier: Deidentifier) -> bytes:
    return bytes_of(deidentifier.file(stored_file(path.name, lambda: path.open("rb"))))


def written(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2.3")
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()


def bytes_of(done: Deidentified) -> bytes:
    return b"".join(part if isinstance(part, bytes) else b"".join(part.chunks()) for part in done.parts)


def read_back(done: Deidentified) -> Dataset:
    return pydicom.dcmread(io.BytesIO(bytes_of(done)))


def every_item(dataset: Dataset) -> Iterator[Dataset]:
    """The data set, and all items of its sequences at every depth."""
    yield dataset
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from every_item(item)


def privates(dataset: Dataset) -> dict[tuple[int, str, int], object]:
    """Private attributes of one data set by group, creator and element: whichever block they stand in.

    What is of no known VR is given as text.
    """
    creators = {e.tag: str(e.value).strip() for e in dataset if e.tag.is_private_creator}
    found = {}
    for element in dataset:
        if element.tag.is_private and not element.tag.is_private_creator:
            creator = creators.get(element.tag.group << 16 | element.tag.element >> 8, "")
            value = (element.value or b"").decode("latin-1").strip() if element.VR == "UN" else element.value
            found[element.tag.group, creator, element.tag.element & 0xFF] = value
    return found
