"""Who computed, and what the content may be used for: Contributing Equipment and Content Qualification."""

from __future__ import annotations

import hashlib
import os

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

import derive
from derive.operations import apply, gaussian_blur
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.sources import make_series

MODEL = derive.Algorithm("DeNoise", "2.10", "ACME", digest=f"sha256:{'0f' * 32}")
PATIENT, STUDY = derive.Patient("PH01", "Phantom^A"), derive.Study(description="Sim")


def halve(values: np.ndarray) -> np.ndarray:
    return values / 2


def written(series, folder) -> list[pydicom.Dataset]:
    series.write(folder)
    return each(pydicom.dcmread(path) for path in sorted(folder.iterdir()))


def contributors(dataset) -> list[tuple[str, ...]]:
    keywords = ("Manufacturer", "ManufacturerModelName", "SoftwareVersions", "ContributionDescription")
    return [tuple(str(item.get(k, "")) for k in keywords) for item in dataset.ContributingEquipmentSequence]


def qualified(modality="CT", **attributes):
    return derive.read(make_series(modality, 4, **attributes))


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_who_computed_stands_in_every_image_beside_the_scanner(modality, tmp_path):
    source = qualified(modality)
    for image in written(derive.build(source, halve, code="Smoothing", algorithm=MODEL), tmp_path / "out"):
        scanner, algorithm = contributors(image)
        assert scanner[0] == source.value("Manufacturer")
        assert algorithm == ("ACME", "DeNoise", "2.10", MODEL.digest)
        assert image.ContributingEquipmentSequence[1].PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
        assert "algorithm='DeNoise 2.10'" in image.DerivationDescription
        assert image.ContentQualification == "RESEARCH"
    assert derive.check(tmp_path / "out").findings == ()


def test_the_explanation_shows_it_and_finds_it_as_the_sources_make_it(tmp_path):
    source = make_series("CT", 4)
    (tmp_path / "ct").mkdir()
    for number, dataset in enumerate(source):
        dataset.save_as(tmp_path / "ct" / f"{number}.dcm", enforce_file_format=True)
    series = derive.build(tmp_path / "ct", apply(function=halve, code="Smoothing", algorithm=MODEL))
    series.write(tmp_path / "out")
    explained = derive.explain(tmp_path / "out", sources=tmp_path / "ct")
    assert f"with     ACME DeNoise 2.10 (Processing Equipment) {MODEL.digest}" in str(explained)
    assert explained.to_json()["contributing"][-1]["digest"] == MODEL.digest
    found = {e.keyword: e.agrees for e in explained.attributes}
    assert (found["ContributingEquipmentSequence"], found["ContentQualification"]) == (True, True)


def test_a_conversion_names_who_computed_with_and_without_a_reference(tmp_path):
    ct, hu = qualified(), np.full((4, 8, 8), -1000, np.int16)
    alone = derive.convert(
        hu, modality="CT", spacing_xyz=1, orientation="LPS", patient=PATIENT, study=STUDY, algorithm=MODEL
    )
    beside = derive.convert(
        np.asarray(ct, np.int16), reference=ct, orientation="reference", code="Smoothing", algorithm=MODEL
    )
    for number, series in enumerate(each([alone, beside])):
        for image in written(series, tmp_path / str(number)):
            assert contributors(image)[-1] == ("ACME", "DeNoise", "2.10", MODEL.digest)
            assert image.ContentQualification == "RESEARCH"


def test_what_an_algorithm_made_stays_research_when_it_is_derived_again(tmp_path):
    derive.build(qualified(), halve, code="Smoothing", algorithm=MODEL).write(tmp_path / "first")
    for image in written(derive.build(tmp_path / "first", gaussian_blur(sigma_mm=1)), tmp_path / "second"):
        assert image.ContentQualification == "RESEARCH"
        assert ("ACME", "DeNoise", "2.10", MODEL.digest) in contributors(image)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("PRODUCT", None),
        ("RESEARCH", "RESEARCH"),
        ("SERVICE", "SERVICE"),
        (lambda k: "RESEARCH" if k == 2 else "PRODUCT", "RESEARCH"),
        (lambda k: "RESEARCH" if k == 2 else "SERVICE", "RESEARCH"),
        (lambda k: "SERVICE" if k == 2 else "PRODUCT", "SERVICE"),
    ],
)
def test_a_warning_of_any_source_image_stays_and_nothing_is_a_product(said, wanted, tmp_path):
    source = qualified(ContentQualification=said)
    made = written(derive.build(source, gaussian_blur(sigma_mm=1)), tmp_path / "out")
    assert every(image.get("ContentQualification") == wanted for image in made)


def test_a_person_can_say_what_the_content_is(tmp_path):
    series = derive.build(qualified(), halve, code="Smoothing", set={"ContentQualification": "PRODUCT"})
    assert every(d.ContentQualification == "PRODUCT" for d in written(series, tmp_path / "out"))
    with raises_code("SET-VALUE"):
        next(derive.build(qualified(), halve, code="Smoothing", set={"ContentQualification": "GOOD"}).instances())


def test_weights_are_digested_and_compared(tmp_path):
    weights = tmp_path / "denoise.pt"
    weights.write_bytes(bytes(range(256)) * 5000)
    wanted = f"sha256:{hashlib.sha256(weights.read_bytes()).hexdigest()}"
    assert derive.Algorithm("A", "1", "B", weights=weights).digest == wanted
    assert derive.Algorithm("A", "1", "B", digest=wanted.upper(), weights=str(weights)).digest == wanted
    os.mkfifo(tmp_path / "pipe")
    with raises_code("ALG-DIGEST"):
        derive.Algorithm("A", "1", "B", digest=f"sha256:{'0' * 64}", weights=weights)
    for wrong in each([tmp_path, tmp_path / "nowhere", tmp_path / "pipe"]):
        with raises_code("ALG-WEIGHTS"):
            derive.Algorithm("A", "1", "B", weights=wrong)


@pytest.mark.parametrize("text", ["", " a", "a ", "a\\b", "a\nb", "\x1b[1m", "x" * 65, 2.1, None])
@pytest.mark.parametrize("what", ["name", "version", "manufacturer"])
def test_texts_that_no_attribute_holds_are_refused(what, text):
    said = {"name": "A", "version": "1", "manufacturer": "B"} | {what: text}
    with raises_code("ALG-TEXT"):
        derive.Algorithm(**said)


@pytest.mark.parametrize("digest", ["9f86d081884c7d65", "sha256:", "sha256:xyz", "sha256:0f", "sha256:" + "0" * 200])
def test_a_digest_that_is_none_is_refused(digest):
    with raises_code("ALG-DIGEST"):
        derive.Algorithm("A", "1", "B", digest=digest)


@given(st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\\"), min_size=1, max_size=20))
def test_any_maker_is_written_in_a_character_set_that_has_it(maker):
    algorithm = derive.Algorithm("A", "1", maker)
    dataset = next(derive.build(qualified(), halve, code="Smoothing", algorithm=algorithm).instances())
    assert dataset.ContributingEquipmentSequence[-1].Manufacturer == maker


def test_it_goes_with_what_an_algorithm_computed_only():
    with raises_code("OP-CODE"):
        derive.build(qualified(), gaussian_blur(sigma_mm=1), algorithm=MODEL)
    with raises_code("OPT-ORIGINAL"):
        hu = np.full((4, 8, 8), -1000, np.int16)
        derive.convert(hu, modality="CT", patient=PATIENT, original=True, algorithm=MODEL)


def test_new_uids_depend_on_it():
    def uid(algorithm):
        series = derive.build(qualified(), halve, code="Smoothing", algorithm=algorithm, uids="reproducible")
        return next(series.instances()).SeriesInstanceUID

    other = derive.Algorithm("DeNoise", "2.10", "ACME", digest=f"sha256:{'1f' * 32}")
    assert uid(MODEL) == uid(MODEL) != uid(other)
