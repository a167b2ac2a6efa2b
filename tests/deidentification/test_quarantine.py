"""What still holds what it must not is not published: its series lies beside the target, told without a value."""

from __future__ import annotations

import json

import pytest

import derive
from tests.helpers.asserting import each, raises_code
from tests.helpers.killing import left
from tests.helpers.sources import make_series

KEY = b"a key of the tests, long enough."
GOOD, BAD = "liver", "as discussed with the patient"


@pytest.fixture
def study(tmp_path):
    """Two series; a cleaner that is not to be trusted spoils one of them."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number, text in ((1, GOOD), (2, BAD)):
        uids = {"SeriesInstanceUID": f"1.2.3.{number}", "SOPInstanceUID": f"1.2.3.{number}.{{}}".format}
        for k, dataset in enumerate(make_series(count=2, SeriesDescription=text, **uids)):
            dataset.save_as(folder / f"{number}-{k}.dcm", enforce_file_format=True)
    return folder


def spoiling(text):
    """A cleaner of a user's own that writes a name into what it likes."""
    return "seen with Jane Doe" if text == BAD else text


def de_identified(study, out, by=spoiling, **options):
    return derive.deidentify(study, out, key=KEY, clean=["descriptors"], clean_text=by, **options)


@pytest.mark.parametrize("layout", ["tree", "flat"])
def test_a_series_with_a_fault_lies_beside_the_target_as_a_whole(study, tmp_path, layout):
    report = de_identified(study, tmp_path / "out", layout=layout)
    assert (report.exit_code, len(report.published), len(report.quarantined)) == (1, 2, 2)
    assert left(tmp_path) == ["in", "out", "out.quarantine"]
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == len(list((tmp_path / "out.quarantine").rglob("*.dcm"))) == 2
    assert "in quarantine: 2 objects: DCK-IDENTIFIER (2)" in str(report)


def test_it_is_told_by_kinds_and_paths_and_no_value(study, tmp_path):
    report = de_identified(study, tmp_path / "out")
    text = (tmp_path / "out.quarantine" / "quarantine.json").read_text()
    found = json.loads(text)["objects"]
    assert [f["faults"] for f in each(found, 2)] == [[{"kind": "DCK-IDENTIFIER", "path": "SeriesDescription"}]] * 2
    for told in (text, str(report), json.dumps(report.to_json())):
        assert not [value for value in ("Jane", "Doe", BAD) if value in told]
    states = [o["state"] for o in report.to_json()["objects"]]
    assert sorted(states) == ["published", "published", "quarantined", "quarantined"]


def test_the_next_run_is_not_mixed_with_it_and_resume_tries_it_again(study, tmp_path):
    de_identified(study, tmp_path / "out")
    with raises_code("OUT-EXISTS"):
        de_identified(study, tmp_path / "out")
    report = de_identified(study, tmp_path / "out", by=None, resume=True)
    assert (report.ok, report.series.there_already, report.series.published) == (True, 1, 1)
    assert left(tmp_path) == ["in", "out"]


def test_what_somebody_put_into_it_is_not_removed(study, tmp_path):
    de_identified(study, tmp_path / "out")
    (tmp_path / "out.quarantine" / "notes.txt").write_text("looked at")
    with raises_code("OUT-FOREIGN"):
        de_identified(study, tmp_path / "out", by=None, overwrite=True)
    assert (tmp_path / "out.quarantine" / "notes.txt").exists()
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 2


def test_unverified_is_said_and_searches_nothing(study, tmp_path):
    report = de_identified(study, tmp_path / "out", verify=False)
    assert (report.ok, len(report.published)) == (True, 4)
    assert "NOT verified" in str(report)
    assert report.to_json()["verified"] is False
