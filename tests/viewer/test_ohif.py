"""What a radiologist's viewer makes of results: OHIF in a headless browser, over Orthanc.

Skipped, with the reason, where Orthanc, chromium, node, OHIF or playwright-core are absent (``.ci/run`` has them).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pydicom
import pytest

import derive
from derive.operations import gaussian_blur, mean_projection, resample
from tests.helpers.asserting import each
from tests.helpers.servers import orthanc
from tests.helpers.source_files import copied
from tests.helpers.viewer import a_look, needs_viewer, pages_over, seen

#: Of each modality a real series, and what is made of it.
MADE = {
    "CT": ("ct_philips_ingenuity_140", gaussian_blur(sigma_mm=1.0)),
    "MR": ("mr_ge_axial_20", mean_projection(slab_mm=6.0, step_mm=3.0)),
    "PT": ("petctmr_ibsi_sts002/PET", resample(spacing_mm=5.0)),
}


class Shown(NamedTuple):
    """A source, what was made of it and read back, its instances, and what OHIF says of the three planes."""

    source: derive.SourceSeries
    result: derive.SourceSeries
    datasets: list[pydicom.Dataset]
    look: dict

    @property
    def volume(self):
        (found,) = self.look["volumes"]
        return found

    @property
    def series(self):
        (found,) = self.look["series"]
        return found


class Session(NamedTuple):
    """All that was looked at: each modality, the CT study as it opens, and what went wrong."""

    shown: dict[str, Shown]
    study: dict
    picture_uid: str
    answer: dict


@pytest.fixture(scope="module")
def session(cropped, tmp_path_factory):
    """Put sources and results, and a picture of the CT, into an archive, and look at them in one browser."""
    needs_viewer()
    folder = tmp_path_factory.mktemp("viewer")
    with orthanc(folder / "archive") as server:
        made, looks = {}, []
        for modality, (name, step) in MADE.items():
            change = in_becquerel if modality == "PT" else None
            files = copied(cropped(name), folder / f"source {modality}", change)
            source = derive.read(files)
            report = derive.build(source, step).write(folder / modality)
            derive.send(files, server.url)
            derive.send(folder / modality, server.url)
            made[modality] = source, report
            study = str(source.value("StudyInstanceUID"))
            looks.append(a_look(modality, study, report.series_instance_uid, volume=True, folder=folder))
        picture = picture_of(made["CT"][0], folder / "picture")
        derive.send(folder / "picture", server.url)
        looks.append(a_look("study", str(made["CT"][0].value("StudyInstanceUID")), folder=folder))
        with pages_over(server.rest) as base:
            answer = seen(base, looks, folder)
    shown = {
        modality: Shown(
            source, derive.read(report.folder), [pydicom.dcmread(f) for f in report.files], answer["looks"][modality]
        )
        for modality, (source, report) in made.items()
    }
    return Session(shown, answer["looks"]["study"], picture.series_instance_uid, answer)


def in_becquerel(dataset, index):
    """Say uptake, g/ml, in Bq/ml, which a viewer turns into uptake itself."""
    dataset.Units = "BQML"
    dataset.RescaleSlope = pydicom.valuerep.format_number_as_ds(float(dataset.RescaleSlope) / suv_of(dataset))


def picture_of(reference, folder):
    """A Secondary Capture with a reference."""
    pixels = np.add.outer(np.arange(60), np.arange(90)).astype(np.uint8)[None]
    settings = {"set": {"BurnedInAnnotation": "NO"}, "description": "screenshot"}
    return derive.convert(pixels, kind="secondary-capture", reference=reference, **settings).write(folder)


@pytest.fixture(params=MADE)
def shown(request, session):
    return session.shown[request.param]


def test_nothing_goes_wrong_and_no_other_host_is_asked(session):
    assert (session.answer["errors"], session.answer["outside"]) == ([], [])
    assert not [name for name, look in session.answer["looks"].items() if look.get("timeout")]
    assert len(session.answer["looks"]) == len(MADE) + 1


def test_it_is_one_stack_of_which_a_volume_can_be_made_and_there_is_nothing_to_say_of_it(shown):
    found = shown.series
    assert found["images"] == len(shown.datasets) == shown.result.geometry.shape[0]
    assert found["reconstructable"]
    assert found["messages"] == []
    assert (found["number"], found["description"]) == (
        shown.datasets[0].SeriesNumber,
        shown.datasets[0].SeriesDescription,
    )


def test_the_three_planes_lie_where_the_result_lies(shown):
    geometry, found = shown.result.geometry, shown.volume
    assert found["loaded"]
    assert found["dimensions"] == list(geometry.shape[::-1])
    np.testing.assert_allclose(found["spacing"], geometry.spacing[::-1], atol=1e-4)
    np.testing.assert_allclose(found["origin"], geometry.first_position, atol=1e-3)
    directions = [*geometry.row_cosines, *geometry.column_cosines, *geometry.normal]
    np.testing.assert_allclose(found["direction"], directions, atol=1e-6)


def test_they_are_in_the_space_of_the_source(shown):
    wanted = shown.source.geometry.frame_of_reference_uid
    assert shown.volume["frameOfReference"] == wanted
    for viewport in each(shown.look["viewports"], 3):
        assert viewport["frameOfReference"] == wanted


def extremes(datasets):
    """Smallest and largest of the values that a viewer shows: stored ones where there is no rescale."""
    ends = [
        value * float(d.get("RescaleSlope", 1)) + float(d.get("RescaleIntercept", 0))
        for d in datasets
        for value in (d.SmallestImagePixelValue, d.LargestImagePixelValue)
    ]
    return min(ends), max(ends)


def test_the_values_are_those_of_the_result(shown, session):
    low, high = extremes(shown.datasets)
    found = shown.volume["range"]
    factor = 1.0  # OHIF shows uptake of PET if it knows all that it takes, else what is written
    if shown is session.shown["PT"] and found[1] < high / 2:
        factor = suv_of(shown.datasets[0])
    assert found[1] == pytest.approx(high * factor, rel=1e-4)
    # OHIF counts the zeros of a volume that is not filled yet, or does not: as the frames come.
    assert found[0] in (pytest.approx(low * factor, rel=1e-4), pytest.approx(min(low, 0.0) * factor, rel=1e-4))


def suv_of(dataset):
    """Standardized uptake by body weight for 1 Bq/ml: grams for each decayed becquerel."""
    (tracer,) = dataset.RadiopharmaceuticalInformationSequence
    seconds = seconds_of(dataset.SeriesTime) - seconds_of(tracer.RadiopharmaceuticalStartTime)
    decayed = tracer.RadionuclideTotalDose * 0.5 ** (seconds / tracer.RadionuclideHalfLife)
    return float(dataset.PatientWeight) * 1000 / float(decayed)


def seconds_of(time):
    text = str(time)
    return int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:])


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_the_window_is_the_one_that_was_written(modality, session):
    shown = session.shown[modality]
    centre, width = (float(np.ravel(shown.datasets[0][k].value)[0]) for k in ("WindowCenter", "WindowWidth"))
    for viewport in each(shown.look["viewports"], 3):
        assert viewport["window"]["lower"] == pytest.approx(centre - 0.5 - (width - 1) / 2)
        assert viewport["window"]["upper"] == pytest.approx(centre - 0.5 + (width - 1) / 2)


def test_the_window_that_was_made_for_a_source_without_one_shows_all_values(session):
    shown = session.shown["MR"]
    assert shown.source.value("WindowWidth", 0) is None
    window = shown.look["viewports"][0]["window"]
    assert (window["lower"], window["upper"]) == pytest.approx(extremes(shown.datasets))


def test_a_pet_without_a_window_is_neither_black_nor_white(session):
    shown = session.shown["PT"]
    assert not [d for d in shown.datasets if "WindowCenter" in d]
    for viewport in each(shown.look["viewports"], 3):
        shades = viewport["shades"]
        assert 0.5 < shades["mean"] < 128
        assert shades["black"] < 0.95
        assert shades["white"] < 0.05


def test_a_study_opens_with_its_source_and_not_with_a_picture_of_it(session):
    source = session.shown["CT"].source
    assert f"/series/{source.series_instance_uid}/" in session.study["viewports"][0]["imageId"]
    numbers = {s["uid"]: s["number"] for s in session.study["series"]}
    assert len(set(numbers.values())) == len(numbers) == 3
    assert min(numbers, key=numbers.get) == source.series_instance_uid
    assert str(numbers[session.picture_uid]).startswith(str(numbers[source.series_instance_uid]))
