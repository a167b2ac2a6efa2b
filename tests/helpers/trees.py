"""Trees of many small series: fine ones, such as are refused, and whatever else lies in archives."""

from __future__ import annotations

import os
from collections import Counter
from copy import deepcopy
from pathlib import Path

import numpy as np
from pydicom.uid import generate_uid

from derive.many.outcome import Ending
from tests.helpers.sources import make_series

#: What becomes of each kind of series under :data:`PLAN`.
EXPECTED = {
    "CT": (Ending.DONE, ""),
    "MR": (Ending.DONE, ""),
    "PT": (Ending.DONE, ""),
    "gap": (Ending.REFUSED, "GEO-GAP"),
    "twice": (Ending.DONE, ""),
    "corrupt": (Ending.REFUSED, "VAL-TRUNCATED"),
    "other": (Ending.SKIPPED, "MANY-NORULE"),
    "deep": (Ending.DONE, ""),
}
#: A file that says it is deflated, and is not.
_SYNTAX = b"1.2.840.10008.1.2.1.99"
BROKEN = bytes(128) + b"DICM\x02\x00\x10\x00UI" + len(_SYNTAX).to_bytes(2, "little") + _SYNTAX + b"\xff" * 60
#: Kinds in the order in which they come.
KINDS = ("CT", "MR", "PT", "CT", "gap", "MR", "twice", "PT", "corrupt", "CT", "other", "deep")
MOMENT = "2026-12-01T06:00:00"
OPTIONS = {"uids": "reproducible", "timestamp": MOMENT}
PLAN = f"""
[[rule]]
name = "CT and PET"
select = {{ Modality = ["CT", "PT"], SeriesDescription = "!*scout*" }}
steps = ["gaussian_blur(sigma_mm=1)"]
options = {{ uids = "reproducible", timestamp = {MOMENT} }}

[[rule]]
name = "MR"
select = {{ Modality = "MR", SeriesDescription = "!*scout*" }}
steps = ["resample(spacing_mm=2)"]
options = {{ uids = "reproducible", timestamp = {MOMENT} }}

[output]
layout = "{{PatientID}}/{{StudyInstanceUID}}/{{SeriesNumber:04d}}"
"""


def written_plan(folder: Path, text: str = PLAN) -> Path:
    path = folder / "plan.toml"
    path.write_text(text)
    return path


def small_series(modality="CT", count=4, shape=(12, 14)):
    return make_series(modality, count=count, shape=shape)


def tree_of(root: Path, count: int, templates=None, kinds=KINDS) -> Counter:
    """Write a tree of so many series, and return how many of them end how.

    Parameters
    ----------
    root : Path
    count : int
    templates : mapping modality -> list of Dataset, optional
        Images that are written with other UIDs again and again; small synthetic ones without.
    kinds : sequence of str
        Of :data:`EXPECTED`, in the order in which they come.
    """
    templates = templates or {modality: small_series(modality) for modality in ("CT", "MR", "PT")}
    expected = Counter()
    for number in range(count):
        kind = kinds[number % len(kinds)]
        expected[EXPECTED[kind]] += 1
        _series(root, number, kind, templates)
    _junk(root)
    return expected


def _series(root, number, kind, templates):
    modality = kind if kind in templates else "CT"
    images = deepcopy(templates[modality])
    study, patient = f"2.25.7{number // 3:06d}", f"P{number // 6:04d}"
    folder = root / patient / f"study {number // 3}" / f"{number:05d} {kind}"
    if kind == "deep":
        folder = folder.joinpath(*["a folder in a folder in a folder"] * 40)
    folder.mkdir(parents=True)
    for place, dataset in enumerate(images):
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, f"2.25.8{number:06d}"
        dataset.PatientID, dataset.PatientName, dataset.SeriesNumber = patient, "Doe^Jane", number % 3 + 1
        dataset.SOPInstanceUID = f"2.25.9{number:06d}{place:03d}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.SeriesDescription = "a scout" if kind == "other" else "a series"
        if kind == "gap" and place == 1:
            continue
        dataset.save_as(folder / f"IM{place:04d}.dcm", enforce_file_format=True)
        if kind == "twice" and place == 1:
            (folder / "again").mkdir()
            dataset.save_as(folder / "again" / "copy", enforce_file_format=True)
    if kind == "corrupt":
        whole = (folder / "IM0001.dcm").read_bytes()
        (folder / "IM0001.dcm").write_bytes(whole[:-100])


def _junk(root):
    (root / "notes.txt").write_text("not DICOM")
    (root / "empty").write_bytes(b"")
    (root / "archive.zip").write_bytes(b"PK\x03\x04 and so on")
    (root / "broken.dcm").write_bytes(BROKEN)
    (root / "nothing in it").mkdir()
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "gone").symlink_to(root / "nowhere")
    first = min(root.rglob("IM0000.dcm"))
    (root / "a link").symlink_to(first)
    os.link(first, root / "a second name")
    (root / os.fsdecode(b"name \xff of bytes")).write_bytes(b"junk")


def cropped_templates(folders, count=4, side=24):
    """Return the middle of real series, a few small images each, by modality."""
    from pydicom import dcmread

    import derive

    found = {}
    for modality, folder in folders.items():
        paths = [frame.path for frame in derive.read(folder).frames]
        first = max(0, (len(paths) - count) // 2)
        found[modality] = [_small(dcmread(path), side) for path in paths[first : first + count]]
    return found


def _small(dataset, side):
    values = dataset.pixel_array
    top, left = ((size - side) // 2 for size in values.shape)
    values = np.ascontiguousarray(values[top : top + side, left : left + side])
    dataset.Rows, dataset.Columns, dataset.PixelData = *values.shape, values.tobytes()
    dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=[str(dataset.FrameOfReferenceUID)])
    return dataset


def counted_endings(outcomes) -> Counter:
    return Counter((o.ending, o.code) for o in outcomes)
