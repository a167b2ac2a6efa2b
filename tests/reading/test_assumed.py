"""What a person says of a source that does not say it: where it stands, where it does not, and what the result says."""

from __future__ import annotations

import pydicom
import pytest

import derive
from derive.operations import gaussian_blur
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.sources import make_series


def written(folder, datasets):
    folder.mkdir()
    for number, dataset in enumerate(datasets):
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


@pytest.mark.parametrize(
    ("modality", "changes", "code", "assume"),
    [
        ("PT", {"Units": None}, "VAL-UNITS", {"Units": "BQML"}),
        ("CT", {"RescaleSlope": None}, "VAL-RESCALE", {"RescaleSlope": 1}),
        ("CT", {"PixelSpacing": None}, "GEO-MISSING", {"PixelSpacing": (0.7, 0.7)}),
        ("CT", {"PixelSpacing": None}, "GEO-MISSING", {"PixelSpacing": "0.7\\0.7"}),
        ("CT", {"StudyInstanceUID": None}, "SRC-UID", {"StudyInstanceUID": "1.2.3"}),
        ("CT", {"BitsStored": None}, "SRC-VALUE", {"BitsStored": 16}),
        ("PT", {"DecayCorrection": None}, "ASM-TYPE1", {"DecayCorrection": "START"}),
    ],
)
def test_what_a_refusal_asks_for_can_be_said(modality, changes, code, assume, tmp_path):
    folder = written(tmp_path / "source", make_series(modality, 3, **changes))
    with raises_code(code) as refused:
        derive.build(derive.read(folder), gaussian_blur(sigma_mm=1)).write(tmp_path / "refused")
    (keyword,) = assume
    assert f"{keyword}" in refused.value.message
    assert "assume=" in refused.value.message or code == "ASM-TYPE1"
    report = derive.build(folder, gaussian_blur(sigma_mm=1), assume=assume).write(tmp_path / "out")
    assert report.to_json()["source"]["assumed"].keys() == {keyword}
    assert [r.code for r in report.remarks if r.keyword == keyword] == ["SRC-ASSUMED"]
    assert derive.verify(tmp_path / "out", folder).same
    found = derive.explain(tmp_path / "out", sources=folder)
    assert found.assumed.keys() == {keyword}
    said = [e for e in found.attributes if e.keyword == keyword]
    assert every(e.action in ("given", "recomputed") and e.agrees is not False for e in said)


def test_what_identifies_somebody_is_said_in_its_attribute_alone(tmp_path):
    folder = written(tmp_path / "source", make_series("CT", 3, PatientID=None))
    derive.build(folder, gaussian_blur(sigma_mm=1), assume={"PatientID": "4711"}).write(tmp_path / "out")
    dataset = pydicom.dcmread(next((tmp_path / "out").iterdir()))
    assert dataset.PatientID == "4711"
    assert dataset.DerivationDescription.startswith("assume(PatientID=...); ")
    assert derive.verify(tmp_path / "out", folder).same
    assert derive.explain(tmp_path / "out", sources=folder).assumed == {"PatientID": "..."}


def test_an_assumption_never_overrides_what_is_legal():
    datasets = make_series("PT", 3)
    stated = datasets[0].Units
    with raises_code("ASSUME-LEGAL"):
        derive.read(datasets, assume={"Units": "CNTS"})
    assert derive.read(datasets, assume={"Units": stated}).assumed == {}
    del datasets[1].Units
    assert derive.read(datasets, assume={"Units": stated}).assumed == {"Units": stated}
    del datasets[2].Units
    with raises_code("VAL-UNITS"):
        derive.stack(derive.read(datasets, assume={"Units": "CNTS"}))


@pytest.mark.parametrize(
    ("assume", "code"),
    [
        ({"Unitz": "BQML"}, "ASSUME-KEYWORD"),
        ({"ImagePlane>PixelSpacing": "1"}, "ASSUME-KEYWORD"),
        ({"SOPInstanceUID": "1.2"}, "ASSUME-FORBIDDEN"),
        ({"SourceImageSequence": "1.2"}, "ASSUME-FORBIDDEN"),
        ({"PixelData": "1"}, "ASSUME-FORBIDDEN"),
        ({"KVP": "a lot"}, "ASSUME-VALUE"),
        ({"KVP": ""}, "ASSUME-VALUE"),
        ({"BodyPartExamined": "\udcff"}, "ASSUME-VALUE"),
    ],
)
def test_what_cannot_be_assumed_is_refused_by_name(assume, code):
    datasets = make_series("CT", 3, BodyPartExamined=None, KVP=None)
    with raises_code(code) as refused:
        derive.read(datasets, assume=assume)
    assert next(iter(assume)) in refused.value.message


def test_text_without_a_character_set_is_said_to_be_in_one(tmp_path):
    folder = written(tmp_path / "source", make_series("CT", 3, SpecificCharacterSet=None))
    for file in each(sorted(folder.iterdir()), 3):
        data = file.read_bytes()
        assert b"Doe^Jane" in data
        file.write_bytes(data.replace(b"Doe^Jane", "Doe^J\xfcne".encode("latin-1")))
    assert [r.code for r in derive.read(folder).remarks] == ["SRC-KEPT"]
    source = derive.read(folder, assume={"SpecificCharacterSet": "ISO_IR 100"})
    assert str(source.value("PatientName")) == "Doe^J\xfcne"
    assert [r.code for r in source.remarks] == ["SRC-ASSUMED"]


def test_of_several_series_each_takes_what_it_lacks(tmp_path):
    stated = written(tmp_path / "stated", make_series("PT", 3, SeriesInstanceUID="1.2.3"))
    silent = written(tmp_path / "silent", make_series("PT", 3, Units=None))
    found = derive.inspect([stated, silent], assume={"Units": "CNTS"})
    assert [s.operations["resample"].code for s in found.stacks] == ["ok", "ok"]
