"""What stored values mean stays said: Image Type, and every item of the Real World Value Mapping."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.sequence import Sequence as Items

import derive
from derive.checking import check
from derive.operations import apply, gaussian_blur, mean_projection, mip, resample
from tests.helpers import real_world as of
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.peers import dciodvfy_errors
from tests.helpers.sources import make_series

BLUR = gaussian_blur(sigma_mm=1)
SAME = gaussian_blur(sigma_mm=0)
NEW = apply(function=lambda values: values * 0.5, code="Smoothing", units="mg/ml", halo_slices=0)
STEPS = {
    "blur": BLUR,
    "grid": resample(spacing_mm=1.5),
    "lanczos": resample(spacing_mm=1.5, interpolator="lanczos"),
    "mip": mip(slab_mm=4),
    "coronal": mean_projection(plane="coronal"),
    "own": apply(function=lambda values: values[:, ::-1].copy(), code="Smoothing"),
}
SOURCES = {
    "VMI": of.vmi,
    "MAT_SPECIFIC": of.material,
    "T2 MAP": lambda: of.mr_map(["T2 MAP", "ND"], [of.mapping((0.5, 3.0), (0, 4095), of.MS, "T2", quantity=of.ADC)]),
    "ADC": lambda: of.mr_map(
        ["DIFFUSION MAP", "ADC", "ND"],
        [
            of.mapping((1e-6, 0.0), (0, 4095), of.MM2_PER_S, "ADC", quantity=of.ADC),
            of.mapping((1.0, 0.0), (0, 4095), ("10-6.mm2/s", "UCUM", "10-6.mm2/s"), "ADC6"),
        ],
    ),
}


def written(source, *steps, folder) -> list[pydicom.Dataset]:
    derive.build(source, *steps).write(folder)
    return each(pydicom.dcmread(path) for path in sorted(folder.iterdir()))


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", SOURCES)
def test_what_an_image_is_of_and_every_mapping_stay(kind, step, tmp_path):
    source = SOURCES[kind]()
    made = written(source, STEPS[step], folder=tmp_path / "out")
    before = dciodvfy_errors([of.saved(tmp_path / "in", source) / "0.dcm"])
    assert not dciodvfy_errors(sorted((tmp_path / "out").iterdir())[:1]) - before
    for image in made:
        assert {*source[0].ImageType[2:]} - {"AXIAL"} <= {*image.ImageType[2:]}
        if kind == "T2 MAP":
            assert image.ImageType[2] == kind
        assert [_said(i) for i in image.RealWorldValueMappingSequence] == [
            _said(i) for i in source[0].RealWorldValueMappingSequence
        ]


def _said(item) -> str:
    kept = {e.keyword: str(e.value) for e in item if not e.keyword.startswith("RealWorldValue")}
    assert {"LUTLabel", "LUTExplanation", "MeasurementUnitsCodeSequence"} <= kept.keys()
    return str(kept)


@pytest.mark.parametrize("kind", SOURCES)
def test_every_voxel_means_what_it_meant(kind, tmp_path):
    source = SOURCES[kind]()
    for before, after in zip(source, written(source, SAME, folder=tmp_path / "out"), strict=True):
        for label in each(of.lines(before)):
            old, new = of.real_world(before, label), of.real_world(after, label)
            np.testing.assert_allclose(new, old, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("modality", "slope", "intercept"),
    [
        ("CT", 1.0, -1024.0),
        ("CT", 0.1, -102.4),
        ("CT", lambda k: 1 + 0.25 * k, -1000),
        ("CT", lambda k: (-1) ** k * 0.5, 300),
        ("PT", lambda k: 0.5 + 0.125 * k, 0),
        ("PT", 2.0, 0),
        ("MR", 2.00024, 0),
        ("MR", 21.2764346764346, 0),
        ("MR", -0.5, 4000),
    ],
)
def test_items_are_rebased_through_old_and_new_rescale(modality, slope, intercept, tmp_path):
    """An item may say a quantity of its own: 0.01 times the values, and 7."""
    slope_of = slope if callable(slope) else lambda k: slope
    source = make_series(modality, 4, RescaleSlope=slope, RescaleIntercept=intercept)
    for k, dataset in enumerate(each(source)):
        line = (0.01 * slope_of(k), 0.01 * intercept + 7)
        low = 0 if modality == "MR" else -1000
        dataset.RealWorldValueMappingSequence = Items([of.mapping(line, (low, 4000), of.MG_PER_ML, "OWN")])
    made = written(source, SAME, folder=tmp_path / "out")
    for before, after in zip(source, made, strict=True):
        step = of.lines(after)["OWN"][0]
        old, new = of.real_world(before, "OWN"), of.real_world(after, "OWN")
        assert not np.isnan(new).any()
        assert np.abs(new - old).max() <= abs(step) / 2 * 1.001 + 1e-9


def test_mr_that_has_a_rescale_and_means_something_else_keeps_both(tmp_path):
    """The second step reads the values that the first one had, not what these mean."""
    line = of.mapping((1e-6, 0.0), (0, 4095), of.MM2_PER_S, "ADC")
    source = of.mr_map(["ADC"], [line], RescaleSlope=0.25, RescaleIntercept=10)
    first = tmp_path / "first"
    image = written(source, BLUR, folder=first)[0]
    assert list(of.lines(image)) == ["ADC", "DERIVED"]
    assert of.lines(image)["DERIVED"] == (0.1, 0)
    step, constant = of.lines(image)["ADC"]
    assert (step, constant) == pytest.approx((4e-7, -4e-5))
    values = derive.build(source, BLUR).volume.array
    assert np.abs(derive.read(first).volume.array - values).max() <= 0.0501
    again = written(first, BLUR, folder=tmp_path / "second")[0]
    assert of.lines(again) == of.lines(image)
    assert derive.verify(first, sources=of.saved(tmp_path / "source", source)).same


def test_what_an_interpolation_adds_at_the_ends_is_mapped_where_all_was(tmp_path):
    """Lanczos overshoots: stored values that the source did not have."""
    source = make_series("CT", 4, BitsStored=12, HighBit=11, PixelRepresentation=0, RescaleIntercept=-50)
    for dataset in each(source):
        pixels = np.zeros((12, 14), "<u2")
        pixels[:, ::2] = 4095
        dataset.PixelData = pixels.tobytes()
        del dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue
        dataset.RealWorldValueMappingSequence = Items([of.mapping((2.0, 5.0), (0, 4095), of.HU, "ALL")])
    for image in written(source, resample(spacing_mm=0.7, interpolator="lanczos"), folder=tmp_path / "out"):
        (item,) = image.RealWorldValueMappingSequence
        assert item.RealWorldValueFirstValueMapped <= image.SmallestImagePixelValue < 0
        assert 4095 < image.LargestImagePixelValue <= item.RealWorldValueLastValueMapped


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_a_table_is_kept_where_stored_values_are(modality, tmp_path):
    table = [float(x * x) for x in range(3000)]
    source = make_series(modality, 4)
    for dataset in each(source):
        item = of.mapping((1.0, 0.0), (0, 2999), of.MS, "TABLE")
        del item.RealWorldValueSlope, item.RealWorldValueIntercept
        item.RealWorldValueLUTData = table
        dataset.RealWorldValueMappingSequence = Items([item])
    for before, after in zip(source, written(source, SAME, folder=tmp_path / "out"), strict=True):
        np.testing.assert_array_equal(of.real_world(after, "TABLE"), of.real_world(before, "TABLE"))


def test_a_table_is_not_guessed_between_stored_values():
    item = of.mapping((1.0, 0.0), (0, 2999), of.MS, "TABLE", RealWorldValueLUTData=[float(x) for x in range(3000)])
    del item.RealWorldValueSlope, item.RealWorldValueIntercept
    source = make_series("PT", 4, RealWorldValueMappingSequence=Items([item]), RescaleSlope=2)
    shifted = make_series("CT", 4, RealWorldValueMappingSequence=Items([item]), RescaleSlope=lambda k: 1 + k)
    assert next(derive.build(source, SAME).instances()).RealWorldValueMappingSequence
    with raises_code("VAL-MAPPING"):
        list(derive.build(shifted, gaussian_blur(sigma_mm=(1, 1, 0))).instances())
    assert "RealWorldValueMappingSequence" not in next(derive.build(shifted, BLUR).instances())  # of another each


def test_images_that_mean_different_things_leave_nothing_to_say(tmp_path):
    source = make_series("CT", 4)
    for k, dataset in enumerate(each(source)):
        line = of.mapping((0.1 if k < 2 else 0.2, 0.0), (0, 4095), of.MG_PER_ML, "OWN")
        dataset.RealWorldValueMappingSequence = Items([line])
    one_by_one = written(source, gaussian_blur(sigma_mm=(1, 1, 0)), folder=tmp_path / "one")
    assert [of.lines(image)["OWN"][0] for image in one_by_one] == [0.1, 0.1, 0.2, 0.2]
    mixed = written(source, BLUR, folder=tmp_path / "mixed")
    assert every("RealWorldValueMappingSequence" not in image for image in mixed)
    (missed,) = [r for r in derive.build(source, BLUR).series_pass.missed if r.code == "SRC-MAPPING"]
    assert missed.keyword == "RealWorldValueMappingSequence"


@pytest.mark.parametrize("kind", ["VMI", "MAT_SPECIFIC"])
def test_a_new_quantity_is_no_multi_energy_image_any_more(kind, tmp_path):
    for image in written(SOURCES[kind](), NEW, folder=tmp_path / "out"):
        assert list(image.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]
        assert not [e for e in image if e.keyword.startswith("Multienergy")]
        assert image.RescaleType == "MGML"
        (item,) = image.RealWorldValueMappingSequence
        (unit,) = item.MeasurementUnitsCodeSequence
        assert (unit.CodeValue, unit.CodingSchemeDesignator) == ("mg/ml", "UCUM")
        values = np.abs(of.real_world(image, "DERIVED"))
        rescaled = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
        np.testing.assert_allclose(values, np.abs(rescaled))


def test_check_asks_a_multi_energy_image_for_both(tmp_path):
    whole = of.saved(tmp_path / "whole", of.vmi())
    assert "CHK-MAPPING" not in {f.code for f in check(whole).findings}
    lacking = of.vmi(ImageType=["DERIVED", "PRIMARY", "AXIAL"], RealWorldValueMappingSequence=None)
    found = {(f.code, f.path) for f in check(of.saved(tmp_path / "lacking", lacking)).findings if f.severity == "error"}
    assert {("CHK-IMAGETYPE", "ImageType"), ("CHK-MAPPING", "RealWorldValueMappingSequence")} <= found


@pytest.mark.parametrize(
    ("terms", "step", "wanted"),
    [
        (["M", "ND"], BLUR, ["OTHER", "M", "ND"]),
        (["M"], mip(), ["PROJECTION IMAGE", "M", "MAX_IP"]),
        (["OTHER"], mip(), ["PROJECTION IMAGE", "", "MAX_IP"]),
        (["MPR"], BLUR, ["MPR"]),
        (["MPR", "M"], mip(plane="coronal"), ["PROJECTION IMAGE", "M", "MAX_IP"]),
        (["T1 MAP"], mip(), ["T1 MAP", "", "PROJECTION IMAGE", "MAX_IP"]),
        (["DIFFUSION", "ADC"], resample(spacing_mm=2.0), ["OTHER", "DIFFUSION", "ADC"]),
        (["ADC"], BLUR, ["OTHER", "ADC"]),
        (["DIFF-USION"], BLUR, ["OTHER"]),
        (["DENSITY MAP"], apply(function=np.copy, code="Smoothing", units="1"), ["OTHER"]),
    ],
)
def test_image_type_of_mr(terms, step, wanted, tmp_path):
    for image in written(of.mr_map(terms), step, folder=tmp_path / "out"):
        assert list(image.ImageType) == ["DERIVED", "SECONDARY", *wanted]


def test_image_type_stays_in_a_chain(tmp_path):
    written(of.vmi(), mip(slab_mm=4), folder=tmp_path / "first")
    for image in written(tmp_path / "first", BLUR, mip(), folder=tmp_path / "second"):
        assert list(image.ImageType) == ["DERIVED", "SECONDARY", "AXIAL", "VMI", "MAX_IP"]


@pytest.mark.parametrize("terms", [["P"], ["PHASE MAP"], ["OTHER", "P", "ND"], ["P_FFE", "P", "FFE"]])
def test_a_phase_is_not_mixed(terms, tmp_path):
    source = derive.read(of.mr_map(terms))
    for step in each([BLUR, mean_projection(), resample(spacing_mm=1.5)]):
        with raises_code("VAL-PHASE"):
            derive.build(source, step)
    nearest = resample(spacing_mm=1.5, interpolator="nearest")
    for number, step in enumerate(each([nearest, mip(), apply(function=np.copy, code="Smoothing")])):
        for image in written(source, step, folder=tmp_path / str(number)):
            assert {*terms} - {"OTHER"} <= {*image.ImageType}
    with raises_code("VAL-PHASE"):  # nor in the next step
        derive.build(tmp_path / "0", BLUR)
    assert derive.build(source, NEW, BLUR).count == 4


@pytest.mark.parametrize(
    ("modality", "units", "code"), [("CT", "mg/ml", "mg/ml"), ("MR", "1", "1"), ("PT", "GML", "g/ml")]
)
@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("FractionalAnisotropy", ("110808", "DCM", "Fractional Anisotropy")),
        ("SCT:44588005:Iodine", ("44588005", "SCT", "Iodine")),
        ("99ACME:Q:Größe", ("Q", "99ACME", "Größe")),
    ],
)
def test_a_quantity_that_somebody_says_is_in_the_file(modality, units, code, said, wanted, tmp_path):
    step = apply(function=np.copy, code="Smoothing", units=units)
    derive.build(make_series(modality, 4), step, quantity=said).write(tmp_path / "out")
    for image in each(pydicom.dcmread(path) for path in (tmp_path / "out").iterdir()):
        (item,) = image.RealWorldValueMappingSequence
        assert item.MeasurementUnitsCodeSequence[0].CodeValue == code
        (definition,) = item.QuantityDefinitionSequence
        (concept,) = definition.ConceptCodeSequence
        assert (concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning) == wanted
        assert definition.ConceptNameCodeSequence[0].CodeMeaning == "Quantity"
    assert not dciodvfy_errors(list((tmp_path / "out").iterdir())[:1]) - dciodvfy_errors(
        [of.saved(tmp_path / "in", make_series(modality, 4)) / "0.dcm"]
    )


@pytest.mark.parametrize(
    ("said", "step", "refused"),
    [("Nonsense", NEW, "OP-CODE"), ("A:B:", NEW, "OP-CODE"), ("Perfusion", BLUR, "OP-UNITS")],
)
def test_a_quantity_is_a_code_and_has_units(said, step, refused):
    with raises_code(refused):
        derive.build(make_series("MR", 4), step, quantity=said).plan()


def test_a_quantity_is_named_by_meaning_and_code_and_defined(tmp_path):
    items = {"SourceImageDiffusionBValue": "1000 s/mm2", "MeasurementMethod": "99ACME:M1:Own model"}
    said = {"quantity": "Ktrans", "quantity_code": "126312:DCM", "quantity_items": items}
    derive.build(make_series("MR", 4), NEW, **said).write(tmp_path / "out")
    (item,) = pydicom.dcmread(tmp_path / "out" / "IM00001.dcm").RealWorldValueMappingSequence
    concept, b_value, method = item.QuantityDefinitionSequence
    assert (concept.ConceptCodeSequence[0].CodeValue, concept.ConceptCodeSequence[0].CodeMeaning) == (
        "126312",
        "Ktrans",
    )
    assert (b_value.ValueType, float(b_value.NumericValue)) == ("NUMERIC", 1000)
    assert b_value.MeasurementUnitsCodeSequence[0].CodeValue == "s/mm2"
    assert method.ConceptCodeSequence[0].CodingSchemeDesignator == "99ACME"
    schemes = pydicom.dcmread(tmp_path / "out" / "IM00001.dcm").CodingSchemeIdentificationSequence
    assert [scheme.CodingSchemeDesignator for scheme in schemes] == ["99ACME"]


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ({"quantity_code": "126312:DCM"}, "OP-QUANTITY"),
        ({"quantity_items": {"MeasurementMethod": "DCM:1:One"}}, "OP-QUANTITY"),
        ({"quantity": "Ktrans", "quantity_code": "126312"}, "OP-CODE"),
        ({"quantity": "Ktrans", "quantity_code": "126312:DCM:x"}, "OP-CODE"),
        ({"quantity": "K" * 65, "quantity_code": "126312:DCM"}, "OP-CODE"),
        ({"quantity": "Ktrans", "quantity_items": {"Nonsense": "1 ms"}}, "OP-CODE"),
        ({"quantity": "Ktrans", "quantity_items": {"MeasurementMethod": "1.2.3 ms"}}, "OP-CODE"),
    ],
)
def test_what_names_no_quantity_is_refused(said, refused):
    with raises_code(refused):
        derive.build(make_series("MR", 4), NEW, **said).plan()


def test_a_value_and_its_scheme_are_told_apart_whichever_comes_first():
    both = [
        derive.build(
            make_series("MR", 4), NEW, quantity="Ktrans", quantity_code=code
        ).prepared.authoring.quantity.concept
        for code in ("126312:DCM", "DCM:126312")
    ]
    assert both[0] == both[1]
    assert (both[0].value, both[0].scheme) == ("126312", "DCM")


def test_what_is_made_of_a_quantity_and_is_another_has_no_name(tmp_path):
    """The spread of an ADC over time is no ADC."""
    mapped = [of.mapping((1e-6, 0.0), (0, 4095), of.MM2_PER_S, "ADC", quantity=of.ADC)]
    quantity = derive.read(of.mr_map(["DIFFUSION MAP", "ADC"], mapped)).volume.quantity
    assert quantity.concept is not None
    assert (quantity.unnamed().concept, quantity.unnamed().label) == (None, "")
    assert quantity.unnamed("1").units == "1"
