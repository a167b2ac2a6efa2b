"""Ask an archive what it has: instance by instance, and pixel by pixel."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from derive.pacs.address import DimseAddress, WebAddress
from derive.pacs.config import Destination
from derive.pacs.dimse import find as query
from derive.pacs.dimse import retrieve
from derive.pacs.outcome import Holdings
from derive.pacs.sendable import Sendable, sendables_of
from derive.pacs.web import query as web_query

Take = Callable[[bytes], None]


def held(destination: Destination, sendables: Sequence[Sendable]) -> frozenset[str]:
    """SOP Instance UIDs that an archive has of the series of some instances."""
    found: set[str] = set()
    for study, series in _series(sendables):
        found |= set(instances_at(destination, study, series))
    return frozenset(found)


def instances_at(destination: Destination, study_uid: str, series_uid: str) -> list[str]:
    """SOP Instance UIDs that an archive has of a series."""
    address = destination.address
    if isinstance(address, DimseAddress):
        return query.instances_of(address, study_uid, series_uid)
    if isinstance(address, WebAddress):
        return web_query.search_instances(address, study_uid, series_uid)
    return [p.sop_instance_uid for p in _in_folder(address.path) if p.series_instance_uid == series_uid]


def series_from(destination: Destination, study_uid: str, series_uid: str, take: Take) -> None:
    """Fetch a series; each Part 10 file is handed over as it comes."""
    address = destination.address
    if isinstance(address, DimseAddress):
        retrieve.retrieve_series(address, study_uid, series_uid, take, listen=destination.listen)
    elif isinstance(address, WebAddress):
        web_query.retrieve(address, study_uid, series_uid, take)
    else:
        for sendable in _in_folder(address.path):
            if sendable.series_instance_uid == series_uid:
                take(sendable.read())


def verification_of(destination: Destination, sendables: Sequence[Sendable], *, pixels: bool) -> Holdings:
    """Compare what an archive has with what was sent to it.

    Parameters
    ----------
    destination : Destination
    sendables : sequence of Sendable
    pixels : bool
        Whether everything is fetched, and its pixels compared.
    """
    wanted, found = {p.sop_instance_uid: p for p in sendables}, held(destination, sendables)
    missing = tuple(uid for uid in wanted if uid not in found)
    different: tuple[str, ...] = ()
    if pixels:
        digests = _digests(destination, sendables)
        there = [uid for uid in wanted if uid not in missing]
        different = tuple(uid for uid in there if digests.get(uid) != pixel_digest(wanted[uid].read()))
    unexpected = tuple(sorted(found - wanted.keys()))
    return Holdings(_way(destination, pixels=pixels), missing, different, unexpected)


def _digests(destination: Destination, sendables: Sequence[Sendable]) -> dict[str, str]:
    digests: dict[str, str] = {}

    def take(data: bytes) -> None:
        dataset = dcmread(io.BytesIO(data))
        digests[str(dataset.SOPInstanceUID)] = _digest(dataset)

    for study, series in _series(sendables):
        series_from(destination, study, series, take)
    return digests


def pixel_digest(data: bytes) -> str:
    """Return a digest of the pixels of a Part 10 file, the same whether they are compressed without loss or not."""
    return _digest(dcmread(io.BytesIO(data)))


def _digest(dataset: Dataset) -> str:
    if "PixelData" not in dataset:
        return ""
    pixels = dataset.PixelData
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        pixels = dataset.pixel_array.tobytes()
    return hashlib.sha256(pixels + b"\0" * (len(pixels) % 2)).hexdigest()


def _way(destination: Destination, *, pixels: bool) -> str:
    if pixels:
        return "pixels"
    if isinstance(destination.address, DimseAddress):
        return "C-FIND"
    return "QIDO-RS" if isinstance(destination.address, WebAddress) else "folder"


def _series(sendables: Sequence[Sendable]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((p.study_instance_uid, p.series_instance_uid) for p in sendables))


def _in_folder(folder: Path) -> list[Sendable]:
    return sendables_of([folder]) if folder.is_dir() else []
