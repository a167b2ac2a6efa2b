"""The check shares tables with the engine, and nothing else; what it walks through is what is there."""

from __future__ import annotations

import ast
import io
import warnings
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread, dcmwrite
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

import derive
from derive.deidentification.check.spots import Spots
from derive.deidentification.check.walk import NoWalk, Walked, walk
from tests.helpers.asserting import each, every
from tests.helpers.by_hand import image, item, presentation, stored

ROOM = Path(derive.__file__).parent / "deidentification"
#: What the check may know of the room around it: what is wanted, and tables.
SHARED = {
    "profile.profile",
    "profile.bases",
    "profile.needed",
    "private.safe",
    "text.identifiers",
    "text.spellings",
    "check",
}


def imported(path: Path) -> set[str]:
    """Modules of the room that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    return {n.removeprefix("derive.deidentification.") for n in names if n.startswith("derive.deidentification.")}


def test_the_check_knows_nothing_of_the_engine():
    found = {name for path in each((ROOM / "check").glob("*.py"), 10) for name in imported(path)}
    assert {name for name in found if name.split(".")[0] != "check"} <= SHARED
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOM / "check").glob("*.py"))
    assert "derive.rewriting.file" not in text
    assert "derive.rewriting.rewrite" not in text


def walked(data: bytes) -> Walked:
    return walk(data, Spots())


def told(found: Walked) -> list[tuple[str, tuple[int, ...], bytes]]:
    """Where everything stands, and its bytes; sequences have none."""
    return [(leaf.spot.text, leaf.at, b"" if leaf.vr == "SQ" else found.value(leaf)) for leaf in found.leaves]


def syntaxed(uid: str) -> bytes:
    """The image in another transfer syntax."""
    ds = dcmread(io.BytesIO(stored(image())))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for element in ds.iterall():
            assert element is not None
    ds.file_meta.TransferSyntaxUID = uid
    stream = io.BytesIO()
    dcmwrite(stream, ds, implicit_vr=uid == ImplicitVRLittleEndian, little_endian=uid != ExplicitVRBigEndian)
    return stream.getvalue()


@pytest.mark.parametrize("uid", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_one_object_is_the_same_in_every_syntax(uid):
    plain, other = walked(stored(image())), walked(syntaxed(uid))
    assert [t[:2] for t in told(other)] == [t[:2] for t in told(plain)]
    same = [a == b for a, b in zip(told(plain), told(other), strict=True) if a[0] not in ("PixelData", "OverlayData")]
    assert every(same, 40)
    assert other.as_written is (uid != ExplicitVRBigEndian)


def test_every_element_is_found():
    for ds in (image(), presentation()):
        data = stored(ds)
        count = sum(1 for _ in dcmread(io.BytesIO(data)).iterall())
        assert len(walked(data).leaves) == count


def sequence(value: bytes, undefined: bool) -> bytes:
    """An item with one element, as Implicit VR, with or without lengths."""
    inner = b"\x10\0\x20\0" + len(value).to_bytes(4, "little") + value
    if not undefined:
        return b"\xfe\xff\0\xe0" + len(inner).to_bytes(4, "little") + inner
    return b"\xfe\xff\0\xe0\xff\xff\xff\xff" + inner + b"\xfe\xff\x0d\xe0\0\0\0\0"


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("vr", ["UN", "OB"])
def test_a_private_sequence_is_found_that_nobody_calls_one(vr, undefined):
    ds = image()
    ds.private_block(0x0011, "SOMEBODY", create=True).add_new(1, vr, sequence(b"MRN778812X", undefined))
    found = [leaf for leaf in walked(stored(ds)).leaves if leaf.spot.text == '(0011,"SOMEBODY",01).PatientID']
    assert [leaf.at for leaf in found] == [(0,)]


def test_a_block_that_was_moved_stands_in_the_same_place():
    ds, other = image(), image()
    ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", b"ab")
    for number in range(3):
        other.private_block(0x0029, f"BEFORE {number}", create=True).add_new(1, "LO", "x")
    other.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", b"ab")
    spots = Spots()
    places = [{leaf.spot for leaf in walk(stored(each_), spots).leaves} for each_ in (ds, other)]
    shared = {spot.text for spot in places[0] & places[1]}
    assert '(0029,"SIEMENS CSA HEADER",10)' in shared


def test_sequences_that_nest_too_deep_are_no_walk():
    ds = image()
    for _ in range(80):
        ds = item(ReferencedSeriesSequence=[ds])
    stream = io.BytesIO()
    ds.save_as(stream, implicit_vr=True, little_endian=True)
    with pytest.raises(NoWalk):
        walked(stream.getvalue())


@given(st.binary(max_size=400), st.integers(0, 1200))
def test_no_bytes_end_the_walk_otherwise(noise, at):
    data = stored(image())
    for broken in (noise, data[:at] + noise, data[:at] + noise + data[at + len(noise) :], zlib.compress(noise)):
        try:
            assert walked(broken).data is not None
        except NoWalk:
            continue
