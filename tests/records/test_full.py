"""All that an image says, told: every attribute of every class and operation, items included, and no patient."""

from __future__ import annotations

import json
import re

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

import derive
from derive.operations import apply, gaussian_blur, mip, resample
from tests.helpers.asserting import each
from tests.helpers.commands import run as run_command
from tests.helpers.sources import make_series
from tests.helpers.verification import save
from tests.records.test_explain import explained, schema

OTHER = {"SeriesInstanceUID": "1.2.3.9", "SOPInstanceUID": lambda k: f"1.2.3.9.{k + 1}"}
#: What must not be told of whom these images are.
PLANTED = ["Doe^Jane", "P1", "19700101", "20260102", "Op^Erator", "Hospital", "Thorax", "Unit9", "secret"]


def steps(name, modality):
    if name == "grid":
        return [resample(reference=derive.read(make_series("MR", count=4, step=2.5, **OTHER)))]
    if name == "quantity":
        return [apply(function=np.negative, code="Smoothing", units="PROPCPS" if modality == "PT" else "mm2/s")]
    return {"blur": [gaussian_blur(sigma_mm=1.0)], "mip": [mip(slab_mm=4.0), gaussian_blur(sigma_mm=1.0)]}[name]


def in_full(*arguments, **options):
    """All that an image says; and see that it is JSON that the schema has."""
    found = explained(*arguments, **options).in_full()
    schema().validate(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    return found


def requests():
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "77", "99X", "CT of Doe^Jane"
    item = Dataset()
    item.RequestedProcedureID, item.RequestedProcedureDescription = "Unit9", "for Hospital"
    item.RequestedProcedureCodeSequence = [code]
    return [item]


@pytest.mark.parametrize("name", ["blur", "grid", "mip", "quantity"])
@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_every_attribute_of_an_image_is_told_and_reads_as_text(modality, name, tmp_path):
    source = save(make_series(modality, RequestAttributesSequence=requests()), tmp_path / "source")
    derive.build(derive.read(source), *steps(name, modality)).write(tmp_path / "out")
    found = in_full(tmp_path / "out", sources=source)
    text = str(found)
    image = sorted(map(pydicom.dcmread, (tmp_path / "out").iterdir()), key=lambda d: d.InstanceNumber)
    middle = image[len(image) // 2]
    assert f"image    {middle.InstanceNumber} of {len(image)}, in full" in text
    for element in each(middle.iterall()):
        if element.keyword not in {*CODED, "PixelData"}:
            assert f"{pydicom.datadict.dictionary_description(element.tag)} ({element.tag.group:04X}," in text
    assert middle.SOPInstanceUID in text
    assert not re.search(r"b'|\\x|[^\x20-\x7e\n]|None", text)
    assert not found.differing


CODED = {"CodeValue", "CodingSchemeDesignator", "CodeMeaning", "MappingResource", "ContextGroupVersion"}
CODED |= {"ContextGroupLocalVersion", "ContextGroupExtensionFlag", "ContextIdentifier", "ContextUID"}
CODED |= {"ContextGroupExtensionCreatorUID"}


def test_who_it_is_is_masked_at_whatever_depth(tmp_path, capsys):
    source = save(make_series("CT", RequestAttributesSequence=requests()), tmp_path / "source")
    derive.build(derive.read(source), gaussian_blur(sigma_mm=1.0)).write(tmp_path / "out")
    assert run_command("explain", tmp_path / "out", "--full", "--sources", source) == 0
    text = capsys.readouterr().out.partition("\n\n")[2]
    assert "Operators' Name (0008,1070): (masked)" in text
    assert 'Purpose of Reference Code Sequence (0040,A170): (109101, DCM, "Acquisition Equipment")' in text
    for planted in each(PLANTED, len(PLANTED)):
        assert not re.search(rf"\b{re.escape(planted)}\b", text), planted
    assert run_command("explain", tmp_path / "out", "--full", "--show-values") == 0
    assert "Operators' Name (0008,1070): Op^Erator" in capsys.readouterr().out


def test_one_attribute_is_told_with_its_items(tmp_path):
    derive.build(derive.read(make_series("CT")), mip(slab_mm=6.0)).write(tmp_path / "out")
    found = in_full(tmp_path / "out", keyword="SourceImageSequence")
    (told,) = found.attributes
    assert told.value == "3 items"
    lines = [str(d) for d in told.details]
    assert lines[0] == "    item 1"
    assert lines[1] == "        Referenced SOP Class UID (0008,1150): CT Image Storage"
    assert len(lines) == 3 * 5
