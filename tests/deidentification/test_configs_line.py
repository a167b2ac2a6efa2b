"""Configurations through the whole line: what comes out is verified, what cannot be is said before anything is read."""

from __future__ import annotations

from pathlib import Path
from shutil import which

import pydicom
import pytest

import derive
from derive.cli.main import main
from tests.deidentification.test_configs import RECIPE, SHIPPED
from tests.deidentification.test_configs_documents import shown
from tests.helpers.asserting import each, raises_code
from tests.helpers.by_hand import image
from tests.helpers.configured import REFERENCE

KEY = b"a key of the tests, long enough."


def run(text: str, folder: Path) -> derive.DeidentificationReport:
    """De-identify two images by a configuration."""
    (folder / "in").mkdir()
    for number in (1, 2):
        image(number).save_as(folder / "in" / f"{number}.dcm", enforce_file_format=True)
    (folder / "configuration").write_text(text)
    return derive.deidentify(folder / "in", folder / "out", config=folder / "configuration", key=KEY)


@pytest.mark.skipif(not REFERENCE.exists(), reason="the documents of the founders are not at hand")
@pytest.mark.parametrize("number", range(6))
def test_what_the_documents_show_comes_out_verified(number: int, tmp_path: Path) -> None:
    """By a check that knows the profile and not how it was done; nothing ends in quarantine."""
    if "REDACT_ALL_TEXT" in shown()[number] and which("tesseract") is None:
        pytest.skip("tesseract is not installed")
    report = run(shown()[number], tmp_path)
    assert (len(report.published), report.ok) == (2, True), str(report)
    assert not (tmp_path / "out.quarantine").exists()


@pytest.mark.parametrize(
    "text",
    [
        SHIPPED,
        RECIPE,
        "deidentify:RetainDeviceIdentityOption,RetainUIDsOption",
        "dcm4chee:RetainLongitudinalTemporalInformationFullDatesOption,RetainPatientIDHashOption",
        "profile = 'minimal'\nretain = ['device-identity', 'modified-dates']\n[date_shift]\nrange_days = [-30, -2]",
        "[[rule]]\ntag = 'DA'\nmethod = 'generalize'\nto = 'month'",
        '{ Modality.equals("CT") } (0,0,2,2)',
    ],
    ids=["microsoft", "deid", "dcm4chee", "to-the-letter", "site", "rule", "ctp"],
)
def test_the_other_forms_come_out_verified(text: str, tmp_path: Path) -> None:
    """Each has a profile of its own, to which what came out is held."""
    report = run(text, tmp_path)
    assert (len(report.published), report.ok) == (2, True), str(report)
    made = [pydicom.dcmread(path) for path in each((tmp_path / "out").rglob("*.dcm"), 2)]
    assert len({ds.SOPInstanceUID for ds in made}) == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[[rule]]\ntag = 'PatientID'\nmethod = 'hide'", "DEID-METHOD"),
        ("[[rule]]\ntag = 'PatientNam'\nmethod = 'keep'", "DEID-ADDRESS"),
        ("[[rule]]\ntag = 'PatientID'\nmethod = 'cryptoHash'\nsize = 3", "DEID-SETTING"),
        ("retain = ['everything']", "DEID-OPTION"),
        ("retain = ['full-dates', 'modified-dates']", "DEID-DATES"),
        ("[[pixels.template]]\nwhen = { Rows = 512 }\nboxes = [[0, 512, 9, 9]]", "DEID-TEMPLATE"),
        ('{"rules": [{"tag": "PatientID", "method": "cryptoHash", "params": {"cryptoHashKey": "123"}}]}', "DEID-KEY"),
    ],
)
def test_what_cannot_be_is_said_before_any_file_is_read(
    text: str, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In Python the source is not even there; nothing is written, and the command ends with 2."""
    (tmp_path / "configuration").write_text(text)
    with raises_code(code):
        derive.deidentify(tmp_path / "absent", tmp_path / "out", config=tmp_path / "configuration")
    (tmp_path / "in").mkdir()
    said = [str(tmp_path / name) for name in ("in", "out", "configuration")]
    assert main(["deidentify", said[0], "-o", said[1], "--config", said[2]]) == 2
    assert code in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["configuration", "in"]
