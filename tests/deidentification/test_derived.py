"""From a source to a derived series that names nobody: nothing of the source is in it, and all references hold."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

import derive
from derive.cli.main import main
from derive.deidentification.profile.profile import Profile
from derive.deidentification.profile.rule import Address, Rule
from derive.deidentification.profile.wanted import wanted_of
from derive.operations import gaussian_blur, mip, resample
from tests.helpers.asserting import each, raises_code
from tests.helpers.peers import dciodvfy_errors
from tests.helpers.sources import ROOT, make_series
from tests.helpers.went_through import every_item

KEY = b"a key of thirty-two bytes, or so"
NAMES = {"PatientName": "Quillfeather^Aurelia", "PatientID": "MRN778812X", "AccessionNumber": "ACC4711"}


def source(modality="CT", **changes):
    return derive.read(make_series(modality, 8, **NAMES, **changes))


def uids_of(folder: Path):
    """All UIDs of files, but those that classes, syntaxes and this software have."""
    found = set()
    for file in each(sorted(folder.rglob("*.dcm"))):
        found |= {*re.findall(rb"\d+(?:\.\d+){5,}", file.read_bytes())}
    return {
        uid for uid in found if not uid.startswith((b"1.2.840.10008.", b"2.25.179258866402875963855384090631250297468"))
    }


@pytest.mark.parametrize("step", [gaussian_blur(sigma_mm=1), resample(spacing_mm=3), mip()], ids=str)
@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_no_uid_and_no_name_of_the_source_is_left_and_references_hold(step, modality, tmp_path):
    series = derive.build(source(modality), step)
    series.write(tmp_path / "plain")
    report = series.deidentified(key=KEY).write(tmp_path / "out")
    assert report.ok, str(report)
    assert not uids_of(tmp_path / "out") & uids_of(tmp_path / "plain")
    for file in each((tmp_path / "out").rglob("*.dcm")):
        data = file.read_bytes()
        assert ROOT.encode() not in data
        assert not any(value.encode() in data for value in ("Quillfeather", "MRN778812X", "ACC4711"))
    assert references(tmp_path / "out") == references(tmp_path / "plain")


def references(folder: Path):
    """The graph of UIDs, each by its number in the order in which it is met."""
    numbers: dict[str, int] = {}
    found = []
    for file in sorted(folder.rglob("*.dcm")):
        dataset = pydicom.dcmread(file, stop_before_pixels=True)
        for item in every_item(dataset):
            found += [
                (e.keyword, numbers.setdefault(str(e.value), len(numbers)))
                for e in item
                if e.VR == "UI" and not str(e.value).startswith("1.2.840.10008.")
            ]
    return sorted(found)


def test_what_derive_wrote_of_itself_goes_through_as_all_else(tmp_path):
    derive.build(source(), gaussian_blur(sigma_mm=1)).deidentified(key=KEY).write(tmp_path / "out")
    for file in each((tmp_path / "out").rglob("*.dcm")):
        result = pydicom.dcmread(file)
        assert result.ImageType[0] == "DERIVED"
        assert result.SourceImageSequence[0].ReferencedSOPInstanceUID.startswith("2.25.")
        assert "DerivationDescription" not in result  # Table E.1-1: X; with Clean Descriptors it stays
        assert [i.PurposeOfReferenceCodeSequence[0].CodeValue for i in result.ContributingEquipmentSequence][
            -1
        ] == "109104"
        assert result.DerivationCodeSequence


def test_with_clean_descriptors_the_derivation_is_told():
    series = derive.build(source(), gaussian_blur(sigma_mm=1)).deidentified(clean=["descriptors"], key=KEY)
    for result in each(series.instances(), 8):
        assert "gaussian_blur" in result.DerivationDescription


def test_with_the_same_uids_type_and_sources_are_left_alone(tmp_path):
    series = derive.build(source(), gaussian_blur(sigma_mm=1))
    options = {"keep_uids": True, "retain": ["device-identity"], "key": KEY}
    assert series.deidentified(**options).write(tmp_path / "out").ok
    for file in each((tmp_path / "out").rglob("*.dcm")):
        result = pydicom.dcmread(file)
        assert result.ImageType == next(series.instances()).ImageType
        assert result.SourceImageSequence[0].ReferencedSOPInstanceUID.startswith(f"{ROOT}.4.")
        assert {i.CodeValue for i in result.DeidentificationMethodCodeSequence} == {"113100", "113109", "113110"}


def test_two_runs_with_one_key_give_the_same_source_the_same_uids(tmp_path):
    found = []
    for name, step in (("blur", gaussian_blur(sigma_mm=1)), ("coarse", resample(spacing_mm=3))):
        derive.build(source(), step).deidentified(key=KEY).write(tmp_path / name)
        first = pydicom.dcmread(next((tmp_path / name).rglob("*.dcm")))
        found.append((first.PatientID, first.StudyInstanceUID, first.FrameOfReferenceUID))
    assert found[0] == found[1]


def test_original_attributes_of_a_source_go(tmp_path):
    item = Dataset()
    item.AttributeModificationDateTime, item.ModifyingSystem = "20240115", "QUILLFEATHER"
    item.SourceOfPreviousValues, item.ReasonForTheAttributeModification = "", "CORRECT"
    item.ModifiedAttributesSequence = Sequence([Dataset()])
    item.ModifiedAttributesSequence[0].PatientName = "Quillfeather^Old"
    datasets = make_series("CT", 2, **NAMES, OriginalAttributesSequence=lambda _: Sequence([item]))
    for dataset in datasets:
        result = derive.deidentification.dataset(dataset, key=KEY)
        assert "OriginalAttributesSequence" not in result


@pytest.mark.parametrize("address", ["OriginalAttributesSequence", "(0400,xxxx)", "SQ"])
@pytest.mark.parametrize("method", ["keep", "replace"])
def test_a_rule_that_lets_original_attributes_stay_is_refused(address, method):
    with raises_code("DEID-ORIGINAL"):
        Profile(rules=(Rule(Address(address), method),))
    assert Profile(base="keep-all", rules=(Rule(Address(address), method),)).rules
    assert Profile(rules=(Rule(Address(address), "remove"), Rule(Address("SQ"), "keep"))).rules


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"profile": "basik"}, "DEID-PROFILE"),
        ({"retain": ["nothing"]}, "DEID-OPTION"),
        ({"retain": ["full-dates", "modified-dates"]}, "DEID-DATES"),
        ({"key": b"short"}, "DEID-KEY"),
        ({"layout": "heap"}, "DEID-LAYOUT"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_computed(options, code, tmp_path):
    def never(volume):
        raise AssertionError("nothing is computed")

    series = derive.build(source(), derive.operations.apply(function=never, code="99X:1:Never", description="never"))
    with raises_code(code):
        series.deidentified(**options).write(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_option_that_there_is_not_is_refused_at_once():
    with raises_code("OPT-UNKNOWN"):
        derive.build(source(), gaussian_blur(sigma_mm=1)).deidentified(retian=["uids"])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    for number, dataset in enumerate(make_series("CT", 8, **NAMES), 1):
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def test_the_command_line_writes_a_series_that_names_nobody(files, tmp_path, capsys):
    out, manifest = tmp_path / "out", tmp_path / "manifest.json"
    command = ["resample", str(files), "-o", str(out), "--spacing-mm", "3"]
    assert main([*command, "--deidentify", "basic+device-identity", "--manifest", str(manifest)]) == 0
    said = capsys.readouterr()
    for text in (said.out, said.err, manifest.read_text(), *(str(p) for p in out.rglob("*"))):
        assert not any(value in text for value in ("Quillfeather", "MRN778812X", "ACC4711", ROOT))
    assert "113109" in said.out
    assert not dciodvfy_errors(each(sorted(out.rglob("*.dcm"))))
    again = [*command, "--deidentify", "basic", "--manifest", str(manifest), "--overwrite"]
    assert main(again) == 0


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--keep-uids"], "DEID-FLAGS"),
        (["--burned-in", "keep"], "DEID-FLAGS"),
        (["--key-env", "DERIVE_KEY"], "DEID-FLAGS"),
        (["--deidentify", "basik"], "DEID-PROFILE"),
        (["--deidentify", "basic", "--key-env", "DERIVE_NO_SUCH_KEY"], "DEID-KEY"),
    ],
)
def test_flags_that_cannot_be_are_refused(flags, code, files, tmp_path, capsys):
    assert main(["resample", str(files), "-o", str(tmp_path / "out"), "--spacing-mm", "3", *flags]) == 2
    assert code in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_picture_needs_the_word_of_a_person(tmp_path, capsys):
    """A Secondary Capture may have anything burned in: a command that makes one can be told what to make of that."""
    picture, out = tmp_path / "p.png", tmp_path / "out"
    Image.fromarray(np.arange(1200, dtype="u1").reshape(30, 40)).save(picture)
    command = ["convert", str(picture), "-o", str(out), "--as", "secondary-capture"]
    command += ["--patient-id", "MRN778812X", "--patient-name", "Quillfeather^Aurelia", "--deidentify", "basic"]
    command += ["--burned-in-annotation", "NO"]
    assert main(command) == 1
    assert "DEID-BURNED-IN" in capsys.readouterr().out
    assert not list(out.rglob("*.dcm"))
    assert main([*command, "--burned-in", "vouched"]) == 0
    (file,) = out.rglob("*.dcm")
    result = pydicom.dcmread(file)
    assert result.BurnedInAnnotation == "NO"
    assert b"Quillfeather" not in file.read_bytes()


def test_keep_uids_is_a_shorter_name_of_the_option(files, tmp_path, capsys):
    for name, flags in (("long", ["--retain", "uids"]), ("short", ["--keep-uids"])):
        command = ["deidentify", str(files), "-o", str(tmp_path / name), "--retain", "device-identity", *flags]
        assert main([*command, "--patient-id", "S001"]) == 0
    long, short = (
        [pydicom.dcmread(f).SOPInstanceUID for f in each(sorted((tmp_path / name).rglob("*.dcm")), 8)]
        for name in ("long", "short")
    )
    assert long == short
    assert long[0].startswith(ROOT)
    assert "113110" in capsys.readouterr().out


def test_no_key_is_shown():
    series = derive.build(source(), gaussian_blur(sigma_mm=1)).deidentified(key=KEY)
    assert KEY.decode() not in repr(series)
    assert KEY.decode() not in repr(wanted_of({"key": KEY}))
