"""Large files are corrected and taken back in the memory of their headers."""

from __future__ import annotations

import filecmp
import struct
import sys
from functools import partial

import pytest
from pydicom.uid import EncapsulatedPDFStorage, RLELossless

import derive
from derive.rewriting.file import LARGEST_READ, stored_file
from tests.benchmarks.measure import Command
from tests.helpers.asserting import raises_code
from tests.helpers.encodings import encoded, part10
from tests.helpers.sources import make_series

EXPLICIT = "1.2.840.10008.1.2.1"
#: Of the pixels of one file. An interpreter with the libraries that a correction needs has some 100 MB by itself, and
#: what is read of a file at once is 33 MB.
SIZE = 12 * LARGEST_READ + 10
BOUND_MB = 230
FRAGMENT = SIZE // 8 * 2
PIXELS, DELIMITER = b"\xe0\x7f\x10\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
MARK = b"\xfc\xff\xfc\xffOB\0\0\2\0\0\0\0\0"


def header(syntax=EXPLICIT, **changes):
    (dataset,) = make_series("CT", count=1, **changes)
    del dataset.PixelData
    return part10(syntax, encoded(dataset, lambda path: False))


def native(path):
    """Pixels that nobody wrote: the file is as long as it says, and costs no disk."""
    with path.open("wb") as stream:
        stream.write(header() + PIXELS + b"OW\0\0" + struct.pack("<L", SIZE))
        stream.seek(SIZE, 1)
        stream.write(MARK)


def fragments(path):
    with path.open("wb") as stream:
        stream.write(header(RLELossless) + PIXELS + b"OB\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\0\0\0\0")
        for _ in range(4):
            stream.write(b"\xfe\xff\0\xe0" + struct.pack("<L", FRAGMENT))
            stream.seek(FRAGMENT, 1)
        stream.write(DELIMITER + MARK)


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is asked of a POSIX system")
@pytest.mark.parametrize("make", [native, fragments])
def test_the_pixels_of_a_large_file_are_never_in_memory(make, tmp_path):
    (tmp_path / "in").mkdir()
    make(tmp_path / "in" / "large.dcm")
    line = [sys.executable, "-m", "derive", "correct"]
    there = [*line, "in", "-o", "out", "--set", "PatientName=Roe^Ann", "--new-uids", "-q"]
    for command in (there, [*line, "out", "-o", "back", "--undo", "-q"]):
        assert Command(command).run(tmp_path).peak_mb < BOUND_MB
    assert not filecmp.cmp(tmp_path / "in" / "large.dcm", tmp_path / "out" / "large.dcm", shallow=False)
    assert filecmp.cmp(tmp_path / "in" / "large.dcm", tmp_path / "back" / "large.dcm", shallow=False)


def test_a_large_document_is_corrected_and_taken_back(tmp_path):
    """What is large need not be Pixel Data: documents and meshes are elements as others are."""
    start = header(SOPClassUID=EncapsulatedPDFStorage)
    document = b"\x42\0\x11\0OB\0\0" + struct.pack("<L", LARGEST_READ) + bytes(LARGEST_READ)
    path = tmp_path / "large.dcm"
    path.write_bytes(start + document)
    derive.correct(path, set={"StudyDescription": "x"}, check=False).write(tmp_path / "out")
    derive.correct(tmp_path / "out", undo=1).write(tmp_path / "back")
    assert filecmp.cmp(path, tmp_path / "back" / "large.dcm", shallow=False)


def test_a_large_file_that_mixes_encodings_is_not_kept_byte_for_byte(tmp_path):
    path = tmp_path / "large.dcm"
    native(path)
    name = b"\x10\0\x10\0PN"
    with path.open("r+b") as stream:
        head = stream.read(4096)
        at = head.index(name)
        stream.seek(at + 4)
        stream.write(struct.pack("<L", int.from_bytes(head[at + 6 : at + 8], "little")))
    assert stored_file("large.dcm", partial(open, path, "rb"), exact=True).recoded
    with raises_code("COR-ENCODING"):
        derive.correct(path, set={"PatientID": "1"}, check=False).write(tmp_path / "out")


def test_a_large_file_that_was_cut_is_refused(tmp_path):
    path = tmp_path / "large.dcm"
    fragments(path)
    with path.open("r+b") as stream:
        stream.truncate(SIZE // 2)
    with raises_code("SRC-UNREADABLE"):
        derive.correct(path, set={"PatientID": "1"}).write(tmp_path / "out")
    assert not (tmp_path / "out").exists()
