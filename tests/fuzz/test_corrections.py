"""Damaged files that are corrected: refused by name, or taken back to the last byte."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

import derive
from derive.elements.start import start_of
from tests.fuzz.test_dicom import damaged
from tests.helpers.fuzzing import faults, refused, seeds

FILES = 500
#: What is asked of them in turn.
ASKED = [
    {"set": {"PatientName": "Roe^Annabelle"}, "remove": ["StudyDescription"]},
    {"set": {"ReferencedImageSequence[1].PurposeOfReferenceCodeSequence[0].CodeMeaning": "Other"}},
    {"new_uids": True},
    {"character_set": "ISO_IR 192", "text_is": "ISO_IR 100"},
    {"compute": ["PatientAge"], "set": {"StudyDate": "20200101", "PatientBirthDate": "19800101"}},
    {"mend": True, "set": {"AccessionNumber": "A1"}},
]


def correction_judge(seed: int, folder: Path) -> str:
    """What is wrong with how a damaged file is corrected and taken back."""
    _, images, victim = damaged(seed)
    source, out, back = folder / "in.dcm", folder / "out", folder / "back"
    source.write_bytes(images[victim])
    try:
        return _corrected(source, out, back, ASKED[seed % len(ASKED)] | {"check": seed % 5 == 0})
    finally:
        source.unlink()
        for made in (out, back):
            shutil.rmtree(made, ignore_errors=True)


def _corrected(source: Path, out: Path, back: Path, asked: dict) -> str:
    try:
        report = derive.correct(source, **asked).write(out)
    except Exception as error:
        return refused(error) or ("something stands though it was refused" if out.exists() else "")
    if report.changed:
        derive.correct(out, undo=1).write(back)  # what was corrected, nothing refuses to take back
    before, after = source.read_bytes(), ((back if report.changed else out) / source.name).read_bytes()
    return "" if before == after or _inflated(before) == _inflated(after) else "comes back as another"


def _inflated(data: bytes) -> bytes:
    """The data set of what is deflated, since no writer makes what is damaged there; else the file."""
    start = start_of(data)
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[start.at :]) if start.deflated else data


def test_damaged_files_are_refused_or_come_back(tmp_path):
    assert faults(correction_judge, seeds(FILES), tmp_path) == {}
