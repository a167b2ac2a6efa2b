"""Multi-frame results in OHIF: each is one stack of frames, of which a volume is made where the frames lie.

Skipped, with the reason, where Orthanc, chromium, node, OHIF or playwright-core are absent (``.ci/run`` has them).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pydicom
import pytest

import derive
from derive.operations import gaussian_blur
from tests.helpers.servers import orthanc
from tests.helpers.viewer import a_look, needs_viewer, pages_over, seen

#: What is read, what is chosen of it, what is made of it (nothing: the same pixels in another form), and the form.
MADE = {
    "enhanced-mr": ("siemens_xa60_enh_7t/dwi", {"volumes": 2}, gaussian_blur(sigma_mm=2.0), None),
    "legacy-converted-ct": ("ct_small_ge_3", {}, None, "legacy-converted"),
}


class Looked(NamedTuple):
    """A result, read back, its instances, and what OHIF says of it."""

    result: derive.SourceSeries
    datasets: list[pydicom.Dataset]
    look: dict


@pytest.fixture(scope="module")
def session(real, tmp_path_factory):
    """Put the results into an archive, and look at them in one browser."""
    needs_viewer()
    folder = tmp_path_factory.mktemp("viewer")
    with orthanc(folder / "archive") as server:
        made, looks = {}, []
        for name, (path, chosen, step, into) in MADE.items():
            source = derive.read(real(path), **chosen)
            series = derive.build(source, step) if step else derive.convert(source, into=into)
            report = series.write(folder / name)
            derive.send(folder / name, server.url)
            made[name] = report
            study = str(source.value("StudyInstanceUID"))
            looks.append(a_look(name, study, report.series_instance_uid, volume=True, folder=folder))
        with pages_over(server.rest) as base:
            answer = seen(base, looks, folder)
    found = {
        name: Looked(derive.read(r.folder), [pydicom.dcmread(f) for f in r.files], answer["looks"][name])
        for name, r in made.items()
    }
    return found, answer


@pytest.fixture(params=MADE)
def looked(request, session):
    return session[0][request.param]


def test_nothing_goes_wrong(session):
    _, answer = session
    assert (answer["errors"], answer["outside"]) == ([], [])
    assert not [name for name, look in answer["looks"].items() if look.get("timeout")]


def test_an_instance_is_one_stack_of_its_frames(looked):
    (series,) = looked.look["series"]
    (dataset,) = looked.datasets
    assert series["images"] == dataset.NumberOfFrames == looked.result.geometry.shape[0]
    assert series["reconstructable"]


def test_its_volume_lies_where_the_frames_lie(looked):
    (volume,) = looked.look["volumes"]
    geometry = looked.result.geometry
    assert volume["loaded"]
    assert volume["dimensions"] == list(geometry.shape[::-1])
    np.testing.assert_allclose(volume["spacing"], geometry.spacing[::-1], atol=1e-4)
    np.testing.assert_allclose(volume["origin"], geometry.first_position, atol=1e-3)
    directions = [*geometry.row_cosines, *geometry.column_cosines, *geometry.normal]
    np.testing.assert_allclose(volume["direction"], directions, atol=1e-6)
    assert volume["frameOfReference"] == geometry.frame_of_reference_uid
