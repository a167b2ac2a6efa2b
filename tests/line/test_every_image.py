"""Every image of the public data: blurred, as it is and cut out, or refused by name (``refused_images.tsv``).

Values are held against a decoder that is none of ours, what is written against dciodvfy, pydicom, GDCM and dcmtk.
"""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import gdcm
import numpy as np
import pydicom
import pytest

import derive
from derive.errors import DeriveError
from derive.operations import apply, crop, gaussian_blur
from tests.conftest import DATA
from tests.helpers.asserting import raises_code
from tests.helpers.peers import dciodvfy_errors
from tests.helpers.third_decoder import decoded, uncompressed

FOLDERS = (
    *("pydicom_test_files", "pydicom_data", "testpattern_palette_ybr", "xa_rubo_96f", "nm_13frame"),
    *("us_regions_philips_sr", "burned_in_presidio", "ct_philips_exam_summary_SC"),
    *("deid_cookies_us", "deid_dicognito", "deid_references_orthanc"),
)
_REFUSED = Path(__file__).with_name("refused_images.tsv")
SAME = apply(function=lambda values: values, code="Smoothing", halo_slices=0)


def _is_image(path: Path) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):  # of files that are not what they say
            return "Rows" in pydicom.dcmread(path, force=True, specific_tags=["Rows"], stop_before_pixels=True)
    except Exception:  # what pydicom raises of what is no DICOM
        return False


def _images() -> list[str]:
    """Paths of all images, below the data."""
    found = sorted(p for name in FOLDERS for p in (DATA / name).rglob("*") if p.is_file())
    return [str(p.relative_to(DATA)) for p in found if _is_image(p)]


def _refused() -> dict[str, str]:
    """Code by file."""
    rows = csv.DictReader(_REFUSED.read_text(encoding="utf-8").splitlines(), delimiter="\t")
    return {row["file"]: row["code"] for row in rows}


IMAGES, REFUSED = _images(), _refused()


@pytest.fixture
def path(request) -> Path:
    if not IMAGES:
        pytest.skip(f"no public test data in {DATA}; set DERIVE_TEST_DATA")
    return DATA / request.param


def _assert_blurred(series, folder: Path, source: Path) -> None:
    """By a length in mm, where somebody says how large a pixel is; else by one in pixels, and by no other."""
    own, operation = series.geometry.own_plane, gaussian_blur(sigma_mm=1, in_planes=True)
    if own is not None and not own.sized:
        with raises_code("GEO-SIZE"):
            derive.build(series, operation)
        operation = gaussian_blur(sigma_px=1, in_planes=True)
    _written(series, operation, folder, source)


def _box(series):
    """The middle of an image, in all slices: from and to, x y z."""
    slices, rows, columns = series.geometry.shape
    return (columns // 4, rows // 4, 0), (columns * 3 // 4, rows * 3 // 4, slices - 1)


def _alike(values: np.ndarray) -> np.ndarray:
    """Frames in an order that follows from their values: a volume is written along its normal."""
    flat = values.reshape(len(values), -1)
    return values[np.lexsort(flat[:, :: max(1, flat.shape[1] // 64)].T)]


def _written(series, operation, folder: Path, source: Path) -> list[Path]:
    """What becomes of a source, when all have read it and dciodvfy finds nothing that the source has not."""
    derive.build(series, operation).write(folder)
    files = sorted(folder.glob("*.dcm"))
    if new := dciodvfy_errors(files).keys() - dciodvfy_errors([source]).keys():
        plain = uncompressed(source, folder)  # it does not read all that is deflated
        assert plain is not None
        assert not new - dciodvfy_errors([plain]).keys()
    for file in files:
        reader = gdcm.ImageReader()
        reader.SetFileName(str(file))
        assert reader.Read()
        said = pydicom.dcmread(file)
        assert list(reader.GetImage().GetDimensions())[:2] == [said.Columns, said.Rows]
    return files


@pytest.mark.parametrize("path", [p for p in IMAGES if p not in REFUSED] or ["none"], indirect=True)
def test_an_image_goes_through_and_its_values_are_those_of_another_decoder(path, tmp_path):
    series = derive.read(path)
    theirs = decoded(path, tmp_path)
    # Decoders of JPEG round what lies half-way between two colours up or down.
    rounding = 1 if pydicom.dcmread(path, force=True).PhotometricInterpretation.startswith("YBR") else 1e-6
    _assert_blurred(series, tmp_path / "blurred", path)
    (left, top, _), (right, bottom, _) = first, last = _box(series)
    for name, operation, wanted in (
        ("same", SAME, theirs),
        ("cut", crop(from_voxel=first, to_voxel=last), theirs[:, top : bottom + 1, left : right + 1]),
    ):
        files = _written(series, operation, tmp_path / name, path)
        found = np.concatenate([decoded(file, tmp_path) for file in files])
        assert found.shape == wanted.shape
        np.testing.assert_allclose(_alike(found), _alike(wanted), rtol=1e-6, atol=rounding)


@pytest.mark.parametrize("path", list(REFUSED), indirect=True)
def test_what_does_not_go_through_is_refused_by_name(path, tmp_path):
    with pytest.raises(DeriveError) as refused:
        derive.build(derive.read(path), SAME).write(tmp_path / "out")
    assert refused.value.code == REFUSED[str(path.relative_to(DATA))]


def test_the_table_names_images_that_are_there():
    if not IMAGES:
        pytest.skip(f"no public test data in {DATA}; set DERIVE_TEST_DATA")
    assert set(REFUSED) <= set(IMAGES)
