"""Ask an archive what it has: instance by instance, and pixel by pixel."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence

from pydicom import dcmread
from pydicom.dataset import Dataset

from derive.pacs.archive import Archive
from derive.pacs.outcome import Holdings
from derive.pacs.sendable import Sendable


def held(archive: Archive, sendables: Sequence[Sendable]) -> frozenset[str]:
    """SOP Instance UIDs that an archive has of the series of some instances."""
    found: set[str] = set()
    for study, series in _series(sendables):
        found |= set(archive.instances(study, series))
    return frozenset(found)


def holdings_of(archive: Archive, sendables: Sequence[Sendable], *, pixels: bool) -> Holdings:
    """Compare what an archive has with what was sent to it.

    Parameters
    ----------
    archive : Archive
    sendables : sequence of Sendable
    pixels : bool
        Whether everything is fetched, and its pixels compared.
    """
    wanted, found = {p.sop_instance_uid: p for p in sendables}, held(archive, sendables)
    missing = tuple(uid for uid in wanted if uid not in found)
    different: tuple[str, ...] = ()
    if pixels:
        digests = _digests(archive, sendables)
        there = [uid for uid in wanted if uid not in missing]
        different = tuple(uid for uid in there if digests.get(uid) != pixel_digest(wanted[uid].read()))
    unexpected = tuple(sorted(found - wanted.keys()))
    return Holdings("pixels" if pixels else archive.query, missing, different, unexpected)


def _digests(archive: Archive, sendables: Sequence[Sendable]) -> dict[str, str]:
    digests: dict[str, str] = {}

    def take(data: bytes) -> None:
        dataset = dcmread(io.BytesIO(data))
        digests[str(dataset.SOPInstanceUID)] = _digest(dataset)

    for study, series in _series(sendables):
        archive.fetch(study, series, take)
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


def _series(sendables: Sequence[Sendable]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((p.study_instance_uid, p.series_instance_uid) for p in sendables))
