"""The line: a set of objects goes in, and comes out as a whole, under names that carry nothing, or not at all."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet

import derive
from derive.cli.main import main
from tests.helpers.asserting import each, raises_code
from tests.helpers.sources import make_series

SCHEMA = json.loads(files("derive.cli").joinpath("schemas/deidentify.json").read_text(encoding="utf-8"))
KEY = b"a key of the tests, long enough."
SECRETS = [b"Doe", b"Jane", b"JANE", b"MRN-4711", b"1.2.826.0.1.3680043.10.1111"]


def saved(folder, series, stem="Doe_Jane"):
    folder.mkdir(parents=True, exist_ok=True)
    for k, dataset in enumerate(series):
        dataset.save_as(folder / f"{stem}{k}.dcm", enforce_file_format=True)
    return folder


def document():
    dataset = make_series(count=1, SeriesInstanceUID="1.2.826.0.1.3680043.10.1111.8")[0]
    for keyword in ("PixelData", "Rows", "Columns", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        del dataset[keyword]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.10.1111.8.1"
    dataset.EncapsulatedDocument, dataset.MIMETypeOfEncapsulatedDocument = b"%PDF-1.4 Doe^Jane", "application/pdf"
    return dataset


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "MRN-4711 Doe"
    common = {"PatientID": "MRN-4711"}
    saved(folder / "a", make_series(count=3, **common))
    saved(folder / "b", make_series("MR", count=2, SeriesInstanceUID="1.2.826.0.1.3680043.10.1111.9", **common))
    (folder / "Doe^Jane letter.txt").write_text("Dear Jane Doe")
    return folder


def held(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def instances(folder):
    return [pydicom.dcmread(p) for p in sorted(folder.rglob("*.dcm"))]


def test_what_comes_out_names_nobody_in_files_names_and_report(study, tmp_path):
    before = held(study)
    report = derive.deidentify(study, tmp_path / "out")
    assert (len(report.published), report.series.published, report.ok) == (5, 2, True)
    told = json.dumps(report.to_json()) + str(report) + repr(report)
    found = {**held(tmp_path / "out"), "report": told.replace(str(tmp_path), "").encode()}
    for name, data in each(found.items(), 6):
        assert [s for s in SECRETS if s in data or s.decode() in name] == [], name
    assert held(study) == before, "the source is as it was"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["MRN-4711 Doe", "out"]


def test_the_tree_is_called_by_what_the_objects_say_now(study, tmp_path):
    derive.deidentify(study, tmp_path / "out")
    for path in each((tmp_path / "out").rglob("*.dcm"), 5):
        dataset = pydicom.dcmread(path)
        place = (dataset.PatientID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID)
        assert path.relative_to(tmp_path / "out").parts[:3] == place
        assert path.name == f"IM{dataset.InstanceNumber:05d}.dcm"


def test_flat_files_are_called_by_their_uids(study, tmp_path):
    derive.deidentify(study, tmp_path / "out", layout="flat")
    found = list((tmp_path / "out").iterdir())
    assert {p.stem.partition("-")[0] for p in each(found, 5)} == {str(pydicom.dcmread(p).SOPInstanceUID) for p in found}


def test_a_dicomdir_leads_to_every_object_and_says_what_they_say_now(study, tmp_path):
    other = {"StudyInstanceUID": "1.2.4", "SeriesInstanceUID": "1.2.3", "SOPInstanceUID": "1.2.5"}
    saved(study / "c", make_series(count=1, PatientID="MRN-4711", **other))
    out = tmp_path / "out"
    report = derive.deidentify(study, out, dicomdir=True)
    found = FileSet(out / "DICOMDIR")
    assert {Path(i.path).relative_to(out).as_posix() for i in found} == {o.file for o in report.published}
    assert sorted(Path(i.path).relative_to(out).parts[1] for i in found) == ["ST000001"] * 5 + ["ST000002"]
    for instance in each(found, 6):
        dataset = pydicom.dcmread(instance.path)
        assert (dataset.SOPInstanceUID, dataset.PatientID) == (instance.SOPInstanceUID, instance.PatientID)
    assert not [s for s in SECRETS if s in (out / "DICOMDIR").read_bytes()]
    assert derive.deidentify(study, out, overwrite=True).ok, "what derive wrote may be replaced, its DICOMDIR too"


def test_an_old_dicomdir_is_not_copied(study, tmp_path):
    derive.deidentify(study, tmp_path / "medium", dicomdir=True)
    report = derive.deidentify(tmp_path / "medium", tmp_path / "out")
    assert [o.reason for o in report.others] == ["a DICOMDIR"]
    assert not list((tmp_path / "out").rglob("DICOMDIR"))


def test_a_second_run_with_the_key_gives_the_same_and_one_without_another(study, tmp_path):
    for name, options in {"one": {"key": KEY}, "two": {"key": KEY}, "three": {}, "four": {}}.items():
        report = derive.deidentify(study, tmp_path / name, **options)
        assert report.consistent == bool(options)
    one, two, three, four = (held(tmp_path / name) for name in ("one", "two", "three", "four"))
    assert one == two
    assert len({*map(tuple, (one, three, four))}) == 3


@pytest.mark.parametrize("jobs", [2, None])
def test_processes_change_nothing(tmp_path, jobs):
    source = saved(tmp_path / "in", make_series(count=35, shape=(4, 5)), "a")
    saved(
        source, make_series(count=35, shape=(4, 5), SeriesInstanceUID="1.2.3.4", SOPInstanceUID="1.2.3.{}".format), "b"
    )
    one = derive.deidentify(source, tmp_path / "one", key=KEY, jobs=1)
    two = derive.deidentify(source, tmp_path / "two", key=KEY, jobs=jobs)
    assert held(tmp_path / "one") == held(tmp_path / "two")
    first, second = one.to_json(), two.to_json()
    assert {**first, "folder": ""} == {**second, "folder": ""}


def test_a_dry_run_writes_nothing_and_says_the_same(study, tmp_path):
    dry = derive.deidentify(study, tmp_path / "out", key=KEY, dry_run=True).to_json()
    assert not (tmp_path / "out").exists()
    wet = derive.deidentify(study, tmp_path / "out", key=KEY).to_json()
    assert dry.pop("dry_run") != wet.pop("dry_run")
    assert dry == wet


def test_data_sets_and_archives_are_sources(study, tmp_path):
    import shutil

    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", study)
    assert derive.deidentify(archive, tmp_path / "one", key=KEY, jobs=2).ok
    assert derive.deidentify(make_series(count=2), tmp_path / "two", key=KEY).ok
    assert len(instances(tmp_path / "one")) == 5
    assert [d.PatientIdentityRemoved for d in each(instances(tmp_path / "two"), 2)] == ["YES"] * 2


def test_of_a_series_with_a_document_nothing_is_published_unless_that_is_allowed(study, tmp_path):
    saved(study / "c", [document()], "pdf")
    refused = derive.deidentify(study, tmp_path / "one")
    assert ([o.code for o in refused.refused], refused.exit_code) == (["DEID-DOCUMENT"], 1)
    assert (len(refused.published), refused.series.withheld) == (5, 1)
    skipped = derive.deidentify(study, tmp_path / "two", encapsulated="skip")
    assert (len(skipped.skipped), len(skipped.published), skipped.exit_code) == (1, 5, 0)
    kept = derive.deidentify(study, tmp_path / "three", encapsulated="keep")
    assert len(kept.published) + len(kept.quarantined) == 6


def test_resume_goes_on_and_does_nothing_twice(study, tmp_path):
    derive.deidentify(study / "a", tmp_path / "out", key=KEY)
    first = {n: (tmp_path / "out" / n).stat().st_mtime_ns for n in held(tmp_path / "out")}
    report = derive.deidentify(study, tmp_path / "out", key=KEY, resume=True)
    assert (report.series.there_already, report.series.published, len(instances(tmp_path / "out"))) == (1, 1, 5)
    assert {n: (tmp_path / "out" / n).stat().st_mtime_ns for n in first} == first
    whole = derive.deidentify(study, tmp_path / "whole", key=KEY)
    assert whole.ok
    assert held(tmp_path / "out") == held(tmp_path / "whole")


def test_a_target_below_the_source_is_no_part_of_it(study, tmp_path):
    derive.deidentify(study, study / "out", key=KEY)
    saved(study / "c", make_series(count=1, SeriesInstanceUID="1.2.3", SOPInstanceUID="1.2.5", PatientID="MRN-4711"))
    report = derive.deidentify(study, study / "out", key=KEY, resume=True)
    assert (report.series.there_already, report.series.published, len(instances(study / "out"))) == (2, 1, 6)
    assert [o.reason for o in report.others].count("lies in the target") == 5


def test_a_series_that_grew_is_made_anew_by_resume(study, tmp_path):
    derive.deidentify(study, tmp_path / "out", key=KEY)
    extra = make_series(count=4, PatientID="MRN-4711")[3:]
    saved(study / "a", extra, "more")
    report = derive.deidentify(study, tmp_path / "out", key=KEY, resume=True)
    assert (report.series.there_already, report.series.published, len(instances(tmp_path / "out"))) == (1, 1, 6)


def test_what_other_rules_made_is_made_anew_by_resume(study, tmp_path):
    derive.deidentify(study, tmp_path / "out", key=KEY)
    report = derive.deidentify(study, tmp_path / "out", key=KEY, retain=["device-identity"], resume=True)
    assert (report.series.there_already, report.series.published) == (0, 2)
    assert {d.DeviceSerialNumber for d in each(instances(tmp_path / "out"), 5)} == {"42"}


def test_what_is_there_is_not_touched_unless_derive_wrote_it_all(study, tmp_path):
    out = tmp_path / "out"
    derive.deidentify(study, out, key=KEY)
    with raises_code("OUT-EXISTS"):
        derive.deidentify(study, out, key=KEY)
    assert derive.deidentify(study / "a", out, overwrite=True).ok
    assert len(instances(out)) == 3
    (out / "mine.txt").write_text("mine")
    with raises_code("OUT-FOREIGN"):
        derive.deidentify(study, out, overwrite=True)
    assert len(instances(out)) == 3


def test_nothing_published_replaces_nothing(study, tmp_path):
    out = tmp_path / "out"
    derive.deidentify(study, out)
    before = held(out)
    pdf = saved(tmp_path / "pdf", [document()], "pdf")
    assert not derive.deidentify(pdf, out, overwrite=True).ok
    assert held(out) == before


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"layout": "tre"}, "DEID-LAYOUT"),
        ({"encapsulated": "perhaps"}, "DEID-CHOICE"),
        ({"retain": ["device"]}, "DEID-OPTION"),
        ({"retain": ["full-dates", "modified-dates"]}, "DEID-DATES"),
        ({"profile": "basics"}, "DEID-PROFILE"),
        ({"key": b"short"}, "DEID-KEY"),
        ({"resume": True}, "DEID-RESUME"),
        ({"dicomdir": True, "layout": "flat"}, "DEID-LAYOUT"),
        ({"resume": True, "overwrite": True, "key": KEY}, "DEID-RESUME"),
        ({"colour": "red"}, "OPT-UNKNOWN"),
        ({"burned_in": "perhaps"}, "DEID-PIXEL-PLAN"),
        ({"blank": ["0,0,10"]}, "DEID-BOX"),
        ({"date_shift": "soon"}, "DEID-DATES"),
        ({"templates": "nowhere.toml"}, "DEID-TEMPLATE"),
        ({"config": "nowhere.toml"}, "DEID-CONFIG"),
        ({"keep_tokens": "nowhere.txt"}, "DEID-TOKENS"),
        ({"id_map": "nowhere.csv"}, "DEID-ID-MAP"),
        ({"id_map": "a.csv", "patient_id": "S001"}, "DEID-SUBJECT"),
        ({"external": "perhaps"}, "DEID-EXTERNAL"),
        ({"jobs": 0}, "OPT-JOBS"),
    ],
)
def test_what_cannot_be_is_refused_before_a_file_is_read(tmp_path, options, code):
    with raises_code(code):
        derive.deidentify(tmp_path / "is not there", tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


SITE = """
profile = ["basic", "retain-device-identity"]
[[rule]]
tag = "PatientID"
method = "cryptoHash"
length = 16
[[rule]]
tag = "StationName"
method = "remove"
"""


def test_a_configuration_is_followed_and_what_is_said_beside_it_stands_over_it(study, tmp_path):
    (tmp_path / "site.toml").write_text(SITE)
    report = derive.deidentify(
        study, tmp_path / "out", config=tmp_path / "site.toml", retain=["modified-dates"], key=KEY, date_shift="-30"
    )
    assert report.profile.options == ("modified-dates", "device-identity")
    for dataset in each(instances(tmp_path / "out"), 5):
        assert len(dataset.PatientID) == 16
        assert (dataset.DeviceSerialNumber, dataset.StudyDate) == ("42", "20251203")
        assert "StationName" not in dataset


def test_rules_are_values_or_mappings(study, tmp_path):
    rules = [{"tag": "StudyDescription", "method": "substitute", "replace_with": "CHEST", "why": "the trial's name"}]
    derive.deidentify(study, tmp_path / "out", rules=rules)
    assert {d.StudyDescription for d in each(instances(tmp_path / "out"), 5)} == {"CHEST"}


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"tag": "PatientIDD", "method": "remove"}, "DEID-ADDRESS"),
        ({"tag": "PatientID", "method": "removed"}, "DEID-METHOD"),
        ({"tag": "PatientID", "method": "cryptoHash", "lenght": 16}, "DEID-SETTING"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_before_a_file_is_read(tmp_path, rule, code):
    with raises_code(code):
        derive.deidentify(tmp_path / "is not there", tmp_path / "out", rules=[rule])


def test_free_text_that_is_kept_is_listed_for_who_asks(study, tmp_path):
    review = tmp_path / "review.tsv"
    derive.deidentify(study, tmp_path / "out", key=KEY, retain=["device-identity"], review=review)
    head, *rows = (line.split("\t") for line in review.read_text().splitlines())
    assert head == ["path", "objects", "text"]
    found = {path: (int(count), text) for path, count, text in each(rows, 3)}
    assert found["DeviceSerialNumber"] == (5, "42")
    assert not {"PatientID", "PatientName", "StudyDescription"} & found.keys()
    with raises_code("OUT-EXISTS"):
        derive.deidentify(study, tmp_path / "again", review=review)
    assert not (tmp_path / "again").exists()


def test_no_source_and_a_source_as_target_are_refused(study, tmp_path):
    with raises_code("SRC-MISSING"):
        derive.deidentify(tmp_path / "nowhere", tmp_path / "out")
    with raises_code("OUT-EXISTS"):
        derive.deidentify(study, study)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["MRN-4711 Doe"]


def test_the_command_line_says_what_its_schema_says(study, tmp_path, capsys):
    saved(study / "c", [document()], "pdf")
    report = tmp_path / "r.json"
    code = main(["deidentify", str(study), "-o", str(tmp_path / "out"), "--json", "--report", str(report)])
    said = json.loads(capsys.readouterr().out)
    assert code == 1
    for one in (said, json.loads(report.read_text())):
        jsonschema.validate(one, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert main(["deidentify", str(study), "-o", str(tmp_path / "two"), "--encapsulated", "skip"]) == 0
    assert "5 objects of 2 series in" in capsys.readouterr().out


def test_a_report_among_what_is_published_is_refused(study, tmp_path, capsys):
    code = main(["deidentify", str(study), "-o", str(tmp_path / "out"), "--report", str(tmp_path / "out" / "r.json")])
    assert (code, "OUT-MANIFEST" in capsys.readouterr().err) == (6, True)
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_read_stops_nothing_and_is_said(study, tmp_path):
    deep = Dataset()
    for _ in range(80):
        outer = Dataset()
        outer.RequestAttributesSequence = [deep]
        deep = outer
    odd = make_series(count=1, SeriesInstanceUID="1.2.3.4")[0]
    odd.RequestAttributesSequence = [deep]
    saved(study / "deep", [odd], "odd")
    report = derive.deidentify(study, tmp_path / "out")
    assert (len(report.published), report.exit_code) == (5, 1)
    assert [o.code for o in report.unread] == ["SRC-NESTING"]
