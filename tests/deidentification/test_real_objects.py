"""Real objects of many kinds: what is required stays, and dciodvfy finds no error that the input lacks."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from pydicom import dcmread

from derive import standard
from derive.deidentification.profile.profile import profile_of
from tests.conftest import DATA
from tests.helpers.every_iod import places
from tests.helpers.mutations import dciodvfy_says
from tests.helpers.whole_table import through_bytes

FILES = """
pydicom_test_files/test_files/CT_small.dcm
pydicom_test_files/test_files/MR_small_RLE.dcm
pydicom_test_files/test_files/rtdose.dcm
pydicom_test_files/test_files/rtplan.dcm
pydicom_test_files/test_files/rtstruct.dcm
pydicom_test_files/test_files/test-SR.dcm
pydicom_test_files/test_files/waveform_ecg.dcm
pydicom_test_files/test_files/liver_1frame.dcm
pydicom_test_files/test_files/examples_overlay.dcm
pydicom_test_files/test_files/examples_ybr_color.dcm
pydicom_test_files/test_files/ExplVR_BigEnd.dcm
pydicom_test_files/test_files/SC_rgb_rle_2frame.dcm
pydicom_test_files/charset_files/chrJapMulti.dcm
""".split()  # noqa: SIM905 - a list of files is read line by line
FOLDERS = ("enhanced_mr", "enhanced_ct_2f", "legacy_converted_ct", "nm_13frame", "petctmr_ibsi_sts002", "xa_rubo_96f")
PROFILES = {
    "basic": "basic",
    "everything": "basic+descriptors+graphics+structured-content+modified-dates+device-identity+institution-identity"
    "+patient-characteristics+uids+safe-private",
    "minimal": "minimal",
}


def files() -> list[Path]:
    named = [DATA / name for name in FILES]
    first = [next(iter(sorted(p for p in (DATA / name).rglob("*") if p.is_file())), None) for name in FOLDERS]
    return [path for path in (*named, *first) if path is not None and path.exists()]


@pytest.fixture(scope="module", params=files(), ids=lambda path: path.name)
def source(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.mark.skipif(not files(), reason="no public test data; set DERIVE_TEST_DATA")
@pytest.mark.parametrize("profile", PROFILES)
def test_a_real_object_stays_what_it_was(source: Path, profile: str, tmp_path: Path) -> None:
    data = source.read_bytes()
    out, _ = through_bytes(data, profile_of(PROFILES[profile]))
    before, after = (dcmread(io.BytesIO(one), force=True) for one in (data, out))
    left = dict(places(after))
    for path, element in places(before):
        kind = standard.type_of(before.SOPClassUID, path)
        is_held = len(path) == 1 or (path[:-1] in left and bool(left[path[:-1]].value))
        if not is_held or path[0] >> 24 == 0x60:  # overlays go as a whole
            continue
        if kind in ("1", "1C", "2", "2C"):
            assert path in left, element.keyword
        if kind in ("1", "1C") and not element.is_empty:
            assert not left[path].is_empty, element.keyword
    assert after.PatientName != before.PatientName
    if shutil.which("dciodvfy"):
        (tmp_path / "after.dcm").write_bytes(out)
        new = dciodvfy_says([tmp_path / "after.dcm"]) - dciodvfy_says([source])
        assert [line for line in new if line.startswith("Error")] == []
