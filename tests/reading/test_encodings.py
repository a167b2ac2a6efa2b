"""How a data set is encoded is decided by its bytes, element by element, and said where it was declared otherwise."""

from __future__ import annotations

import random
from copy import deepcopy
from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

import derive
from derive.reading.read import read
from tests.helpers.asserting import each
from tests.helpers.encodings import deflated, encoded, part10
from tests.helpers.sources import make_series

EXPLICIT, IMPLICIT = str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)
BIG, DEFLATED = str(ExplicitVRBigEndian), str(DeflatedExplicitVRLittleEndian)
SEQUENCE = 0x00081140


def slices(modality="CT"):
    """Three images with sequences in sequences, and one of another encoding for whoever mixes them."""
    made = make_series(modality, 3)
    for dataset in made:
        inner, outer = Dataset(), Dataset()
        inner.CodeValue, inner.CodingSchemeDesignator, inner.CodeMeaning = "121312", "DCM", "Localizer"
        outer.ReferencedSOPClassUID, outer.ReferencedSOPInstanceUID = dataset.SOPClassUID, "1.2.3.4"
        outer.PurposeOfReferenceCodeSequence = Sequence([inner])
        dataset.ReferencedImageSequence = Sequence([outer, outer])
    return made


def written(folder, datasets, encode):
    folder.mkdir(exist_ok=True)
    for index, dataset in enumerate(datasets):
        (folder / f"{index}.dcm").write_bytes(encode(dataset))
    return folder


def by(rule):
    return lambda dataset: encoded(dataset, rule)


def mixed(seed):
    """Each element as a coin falls, the items of a sequence among them."""
    coin = random.Random(seed)
    return lambda path: coin.random() < 0.5


BODIES = {
    "explicit": by(lambda path: False),
    "implicit": by(lambda path: True),
    "implicit-items": by(lambda path: len(path) > 1),
    "explicit-items": by(lambda path: len(path) == 1),
    "implicit-inner-items": by(lambda path: len(path) > 2),
    "explicit-inner-items": by(lambda path: len(path) <= 2),
    "implicit-from-0020": by(lambda path: path[0] >= 0x00200000),
    "explicit-from-0020": by(lambda path: path[0] < 0x00200000),
    "implicit-pixels": by(lambda path: path[0] >= 0x7FE00000),
    "explicit-pixels": by(lambda path: path[0] < 0x7FE00000),
    "implicit-sequence": by(lambda path: path == (SEQUENCE,)),
    **{f"mixed-{seed}": by(mixed(seed)) for seed in range(3)},
}
FITS = {(EXPLICIT, "explicit"), (IMPLICIT, "implicit")}


def same(found, expected):
    """Whether two sources say the same, values and attributes and all."""
    assert found.references == expected.references
    for tag in each(expected.table.constant, 40):
        assert found.table.constant[tag].stripped() == expected.table.constant[tag].stripped(), hex(tag)
    for ours, theirs in zip(found.frames, expected.frames, strict=True):
        assert np.array_equal(ours.stored_values(), theirs.stored_values())
        assert (ours.rescale, ours.plane) == (theirs.rescale, theirs.plane)
    return True


@pytest.mark.parametrize("declared", [EXPLICIT, IMPLICIT, BIG, DEFLATED, ""])
@pytest.mark.parametrize("body", BODIES)
def test_the_bytes_decide(tmp_path, declared, body):
    datasets = slices()
    folder = written(tmp_path / "x", datasets, lambda d: part10(declared, BODIES[body](d)))
    found = read(folder)
    assert same(found, read(datasets))
    codes = {r.code for r in found.remarks}
    plain = (declared, body) in FITS or (not declared and body in ("explicit", "implicit"))
    assert codes == (set() if plain else {"SRC-ENCODING"})
    assert {len(r.names) for r in found.remarks} <= {3}


def big_endian(dataset):
    stream = BytesIO()
    dataset = deepcopy(dataset)
    del dataset.file_meta
    str(dataset)
    dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    dataset.save_as(stream, implicit_vr=False, little_endian=False)
    return stream.getvalue()


@pytest.mark.parametrize("declared", [EXPLICIT, IMPLICIT, BIG, ""])
def test_big_endian_declared_or_not(tmp_path, declared):
    datasets = slices()
    found = read(written(tmp_path / "x", datasets, lambda d: part10(declared, big_endian(d))))
    assert same(found, read(datasets))
    assert [r.code for r in found.remarks] == ([] if declared in (BIG, "") else ["SRC-ENCODING"])


@pytest.mark.parametrize("declared", [EXPLICIT, IMPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize("body", ["explicit", "implicit-items"])
def test_deflated_declared_or_not(tmp_path, declared, body):
    datasets = slices()
    found = read(written(tmp_path / "x", datasets, lambda d: part10(declared, deflated(BODIES[body](d)))))
    assert same(found, read(datasets))
    assert bool(found.remarks) == (declared != DEFLATED or body != "explicit")


@pytest.mark.parametrize("body", ["explicit", "implicit"])
def test_without_preamble_and_meta(tmp_path, body):
    datasets = slices()
    found = read(written(tmp_path / "x", datasets, BODIES[body]))
    assert same(found, read(datasets))
    assert found.remarks == ()


def test_eight_bits_of_big_endian_are_swapped_in_words_alone(tmp_path):
    """OW is swapped in pairs, OB is not (PS3.5 A.3)."""
    for vr in ("OB", "OW"):
        datasets = make_series("CT", 2, shape=(4, 6))
        for dataset in datasets:
            values = np.arange(24, dtype=np.uint8)
            dataset.BitsAllocated = dataset.BitsStored = 8
            dataset.HighBit, dataset.PixelRepresentation = 7, 0
            dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue = 0, 23
            dataset.PixelData = values.tobytes()

        def big(dataset, vr=vr):
            stream, dataset = BytesIO(), deepcopy(dataset)
            del dataset.file_meta
            str(dataset)
            swapped = np.frombuffer(dataset.PixelData, "<u2").byteswap().tobytes()
            dataset.PixelData = swapped if vr == "OW" else dataset.PixelData
            dataset["PixelData"].VR = vr
            dataset.save_as(stream, implicit_vr=False, little_endian=False)
            return stream.getvalue()

        found = read(written(tmp_path / vr, datasets, lambda d, big=big: part10(BIG, big(d))))
        assert found.frames[0].stored_values().ravel().tolist() == list(range(24))


def test_the_public_case(real, tmp_path):
    case = real("ct_small_ge_3")
    paths = sorted(p for p in case.rglob("*") if p.is_file())
    for path in each(paths):
        dataset = pydicom.dcmread(path)
        assert dataset.PixelData
    whole = read(paths)
    made = written(
        tmp_path / "x",
        [pydicom.dcmread(p) for p in paths],
        lambda d: part10(IMPLICIT, encoded(d, lambda path: False)),
    )
    found = read(made)
    assert [
        np.array_equal(a.stored_values(), b.stored_values()) for a, b in zip(found.frames, whole.frames, strict=True)
    ]
    assert found.remarks


@pytest.mark.parametrize(
    ("declared", "body"), [(IMPLICIT, "explicit"), (EXPLICIT, "implicit"), (EXPLICIT, "implicit-items")]
)
def test_check_finds_it(tmp_path, declared, body):
    folder = written(tmp_path / "x", slices(), lambda d: part10(declared, BODIES[body](d)))
    assert "CHK-ENCODING" in {f.code for f in derive.check(folder).errors}
    right = written(tmp_path / "y", slices(), lambda d: part10(EXPLICIT, BODIES["explicit"](d)))
    assert "CHK-ENCODING" not in {f.code for f in derive.check(right).findings}
