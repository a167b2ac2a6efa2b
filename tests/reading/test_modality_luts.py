"""A Modality LUT that is a table: its values are what is read, and what a result has."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut
from pydicom.sequence import Sequence

import derive
from derive.operations import crop
from tests.helpers.asserting import raises_code
from tests.helpers.projections import make_projection, stored_of

#: Of every stored value another one, neighbours far apart, in no order.
ENTRIES = (np.arange(4096) * 7919 % 60000).astype("<u2")


def table(entries=ENTRIES, first=0, bits=16, kind="OD"):
    item = Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [len(entries), first, bits], kind
    item.add_new("LUTData", "OW", np.asarray(entries, "<u2").tobytes())
    return Sequence([item])


def values_of(dataset):
    return np.asarray(derive.read([dataset]).volume.array)[0]


@pytest.mark.parametrize("kind", ["CR", "SC"])
def test_values_are_those_of_the_table_as_others_look_them_up(kind):
    source = make_projection(kind, ModalityLUTSequence=table())
    np.testing.assert_array_equal(values_of(source), apply_modality_lut(source.pixel_array, source))


@pytest.mark.parametrize("kind", ["CR", "SC"])
def test_stored_values_beyond_the_table_have_its_first_and_its_last_entry(kind):
    stored = stored_of()
    found = values_of(make_projection(kind, stored, ModalityLUTSequence=table(ENTRIES[:1000], first=1500)))
    assert stored.min() < 1500
    assert stored.max() > 2500
    np.testing.assert_array_equal(found, ENTRIES[np.clip(stored.astype(int) - 1500, 0, 999)])


@pytest.mark.parametrize("kind", ["CR", "SC"])
def test_a_result_has_its_values_and_no_table(kind, tmp_path):
    source = make_projection(kind, ModalityLUTSequence=table())
    series = derive.read([source])
    assert "SRC-LUT" in {remark.code for remark in series.remarks}
    report = derive.build(series, crop(from_voxel=(2, 3, 0), to_voxel=(9, 8, 0))).write(tmp_path / "out")
    made = dcmread(report.files[0])
    assert "ModalityLUTSequence" not in made
    assert (made.RescaleSlope, made.RescaleIntercept, made.RescaleType) == (1, 0, "OD")
    assert made.SOPClassUID == source.SOPClassUID
    np.testing.assert_array_equal(made.pixel_array, apply_modality_lut(source.pixel_array, source)[3:9, 2:10])


def test_entries_of_8_bits_may_be_bytes():
    sequence, entries, stored = table(bits=8), ENTRIES % 251, stored_of()
    sequence[0].LUTData = entries.astype("u1").tobytes()
    found = values_of(make_projection("CR", stored, ModalityLUTSequence=sequence))
    np.testing.assert_array_equal(found, entries[stored])


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"LUTDescriptor": [4096, 0, 7]}, "VAL-LUT"),
        ({"LUTDescriptor": [4096, 0, 17]}, "VAL-LUT"),
        ({"LUTDescriptor": [5000, 0, 16]}, "VAL-LUT"),
        ({"LUTDescriptor": [5000, 0, 8]}, "VAL-LUT"),
        ({"LUTDescriptor": [4096, 0]}, "SRC-VALUE"),
        ({"LUTData": None}, "SRC-VALUE"),
    ],
    ids=["7 bits", "17 bits", "words missing", "neither bytes nor words", "two numbers", "no data"],
)
def test_what_is_no_table_is_refused(said, code):
    sequence = table()
    for keyword, value in said.items():
        setattr(sequence[0], keyword, value)
        if value is None:
            del sequence[0][keyword]
    with raises_code(code, derive.DeriveError):
        values_of(make_projection("CR", ModalityLUTSequence=sequence))


@pytest.mark.parametrize("kind", ["CR", "SC"])
def test_what_is_compressed_with_loss_is_what_the_table_makes(kind, tmp_path):
    """And not the words that lead there, in which it would wrap."""
    stored = stored_of(8)
    source = make_projection(kind, stored, ModalityLUTSequence=table(np.arange(256) * 100))
    series = derive.read([source])
    derive.compress(series, jpeg_ls=True, error=1).write(tmp_path / "out")
    found = np.asarray(derive.read(tmp_path / "out").volume.array)
    assert np.abs(found - np.asarray(series.volume.array)).max() <= 1
    assert found.max() > 20000
