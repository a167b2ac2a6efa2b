"""Safe private attributes: pulled while they are true, with who defines them; said where they are missed."""

from __future__ import annotations

import pydicom
import pytest

import derive
from derive import standard
from derive.authoring.private import private_row
from derive.operations import apply, gaussian_blur, mip, resample
from tests.helpers.asserting import each
from tests.helpers.sources import make_series

CREATOR = "Philips PET Private Group"


def philips(block=0x10, factors=(0.000551, 0.000551, 0.000551)):
    datasets = make_series("PT", 3, Units="CNTS")
    for dataset, factor in zip(datasets, factors, strict=True):
        dataset.add_new(0x70530000 | block, "LO", CREATOR)
        dataset.add_new(0x70530000 | block << 8, "DS", str(factor))
        dataset.add_new(0x70530009 | block << 8, "DS", "1.602563")
        dataset.add_new(0x70530003 | block << 8, "ST", "a file name")
    return datasets


def doubled(values):
    return values * 2


@pytest.mark.parametrize("block", [0x10, 0x2F])
@pytest.mark.parametrize("step", [gaussian_blur(sigma_mm=1), resample(spacing_mm=3), mip()], ids=str)
def test_the_factors_of_suv_survive_while_the_quantity_does(step, block, tmp_path):
    report = derive.build(derive.read(philips(block)), step).write(tmp_path / "out")
    assert report.missed == ()
    for file in each(report.files):
        found = pydicom.dcmread(file).private_block(0x7053, CREATOR)
        assert (found[0x00].value, found[0x09].value) == (pytest.approx(0.000551), pytest.approx(1.602563))
        assert 0x03 not in found


def test_another_quantity_loses_them_and_says_so(tmp_path):
    step = apply(function=doubled, code="99X:1:Doubled", description="twice", units="GML")
    series = derive.build(derive.read(philips()), step)
    report = series.write(tmp_path / "out")
    assert {r.code for r in report.missed} == {"SRC-PRIVATE"}
    assert len(report.missed) == 2
    assert not any(e.tag >> 16 == 0x7053 for e in pydicom.dcmread(report.files[0]))


def test_contributors_that_differ_lose_them_and_say_so(tmp_path):
    series = derive.build(derive.read(philips(factors=(1, 2, 3))), gaussian_blur(sigma_mm=3))
    report = series.write(tmp_path / "out")
    assert [r.message for r in report.missed] == ["the contributing images differ"]


@pytest.mark.parametrize("implicit", [False, True])
def test_files_and_data_sets_say_the_same(implicit, tmp_path):
    datasets = philips(0x11)
    for number, dataset in enumerate(datasets):
        if implicit:
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
        dataset.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
    read, held = derive.read(tmp_path).table, derive.read(philips(0x11)).table
    assert 0x70531000 in read.constant
    assert read.constant[0x70531000].stripped() == held.constant[0x70531000].stripped()


def test_explain_tells_of_them(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for number, dataset in enumerate(philips()):
        dataset.save_as(source / f"{number}.dcm", enforce_file_format=True)
    derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out")
    found = derive.explain(tmp_path / "out", sources=source)
    private = {e.keyword: e.action for e in found.attributes if e.keyword.startswith("(7053")}
    assert private == {"(7053,0010)": "recomputed", "(7053,1000)": "pulled", "(7053,1009)": "pulled"}
    assert found.differing == ()


def test_every_safe_private_attribute_has_a_decision():
    for private in each(standard.safe_private().values(), 40):
        row, _ = private_row(private)
        assert row.reason
        assert private.creator_tag & 0xFFFF == private.tag >> 8 & 0xFF
