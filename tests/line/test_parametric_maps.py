"""Maps of a quantity (PS3.3 A.75): written in 16 bits and in floating point, read back by others and by derive."""

from __future__ import annotations

import highdicom
import numpy as np
import pydicom
import pytest

import derive
from derive.checking import check
from derive.cli.main import main
from derive.errors import DeriveError
from derive.operations import adc, apply, gaussian_blur, suv, t2_map
from derive.records.verify import verify
from tests.helpers.asserting import each, raises_code
from tests.helpers.peers import dciodvfy_errors
from tests.helpers.real_world import saved, without_overlays
from tests.helpers.sources import ROOT, make_series

NUMBERS = ("int16", "float32", "float64")
B_VALUES = (0, 500, 1000)


def dwi(folder):
    """Three b-values at four places; the first row has no signal at all."""
    datasets = []
    for volume, b in enumerate(B_VALUES):
        for index, dataset in enumerate(without_overlays(make_series("MR", 4, DiffusionBValue=float(b)))):
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.9.{volume}.{index + 1}"
            dataset.InstanceNumber = volume * 4 + index + 1
            rng = np.random.default_rng(index)
            signal = rng.uniform(2000, 4000, (12, 14)) * np.exp(-b * rng.uniform(3e-4, 2e-3, (12, 14)))
            signal[0] = 0
            dataset.PixelData = np.rint(signal).astype("<u2").tobytes()
            del dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue
            datasets.append(dataset)
    return saved(folder, datasets)


@pytest.fixture(scope="module", params=NUMBERS)
def numbers(request):
    return request.param


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return dwi(tmp_path_factory.mktemp("dwi") / "in")


@pytest.fixture(scope="module")
def written(source, numbers, tmp_path_factory):
    """A map of each kind of numbers, and the values before they were stored."""
    folder = tmp_path_factory.mktemp(numbers) / "out"
    made = derive.build(source, adc(), into="parametric-map", numbers=numbers)
    made.write(folder)
    return folder / "IM00001.dcm", made.volume.array


def test_values_are_read_back(written, numbers):
    file, wanted = written
    found = derive.read(file).volume
    np.testing.assert_array_equal(np.isnan(found.array), np.isnan(wanted))
    np.testing.assert_allclose(found.array, wanted, atol=0.5001 if numbers == "int16" else 0)
    assert (found.quantity.units, found.quantity.label) == ("um2/s", "ADC")
    assert found.quantity.concept.value == "113041"
    assert len(found.quantity.definition) == 5


def test_the_instance_is_what_the_standard_asks(written, numbers):
    image = pydicom.dcmread(written[0])
    element = {"int16": "PixelData", "float32": "FloatPixelData", "float64": "DoubleFloatPixelData"}[numbers]
    assert [k for k in ("PixelData", "FloatPixelData", "DoubleFloatPixelData") if k in image] == [element]
    assert {"int16": "OW", "float32": "OF", "float64": "OD"}[numbers] == image[element].VR
    assert image.BitsAllocated == {"int16": 16, "float32": 32, "float64": 64}[numbers]
    assert ("BitsStored" in image) == (numbers == "int16")
    assert (image.Modality, image.ContentLabel, image.ContentQualification) == ("MR", "ADC", "RESEARCH")
    assert list(image.ImageType) == ["DERIVED", "PRIMARY", "VOLUME", "QUANTITY"]
    assert (image.BurnedInAnnotation, image.RecognizableVisualFeatures) == ("NO", "YES")
    shared = image.SharedFunctionalGroupsSequence[0]
    transformed = shared.PixelValueTransformationSequence[0]
    assert (transformed.RescaleSlope, transformed.RescaleIntercept, transformed.RescaleType) == (1, 0, "US")
    (item,) = shared.RealWorldValueMappingSequence
    assert (item.LUTLabel, item.MeasurementUnitsCodeSequence[0].CodeValue) == ("ADC", "um2/s")
    assert ("DoubleFloatRealWorldValueFirstValueMapped" in item) == (numbers != "int16")
    assert {"PixelMeasuresSequence", "PlaneOrientationSequence", "FrameVOILUTSequence"} <= {e.keyword for e in shared}


def test_no_validator_finds_a_fault(written):
    file, _ = written
    assert not dciodvfy_errors([file])
    assert not check(file).findings


def test_highdicom_reads_the_same(written, numbers):
    file, wanted = written
    assert isinstance(highdicom.pm.ParametricMap.from_dataset(pydicom.dcmread(file)), highdicom.pm.ParametricMap)
    volume = highdicom.imread(file).get_volume(apply_real_world_transform=True)
    known = ~np.isnan(wanted)
    found = volume.array if volume.affine[2, 0] > 0 else volume.array[::-1]
    np.testing.assert_allclose(found[known], wanted[known], atol=0.5001 if numbers == "int16" else 0)
    assert volume.spacing == pytest.approx(derive.read(file).geometry.spacing)


def test_it_is_computed_again(written, source):
    result = verify(written[0], sources=[source])
    assert result.same, str(result)


def test_what_is_made_of_it_is_a_map_in_the_same_numbers(written, numbers, tmp_path):
    file, _ = written
    made = derive.build(file, gaussian_blur(sigma_mm=2))
    made.write(tmp_path / "out")
    blurred = tmp_path / "out" / "IM00001.dcm"
    assert pydicom.dcmread(blurred).BitsAllocated == pydicom.dcmread(file).BitsAllocated
    assert not dciodvfy_errors([blurred])
    found = derive.read(blurred).volume
    np.testing.assert_allclose(found.array, made.volume.array, atol=0.5001 if numbers == "int16" else 0)
    assert found.quantity.concept.value == "113041"


def test_its_values_are_exported(written, tmp_path):
    file, wanted = written
    derive.export(derive.read(file), tmp_path / "map.npy", padding_value=-1)
    np.testing.assert_allclose(np.load(tmp_path / "map.npy"), np.where(np.isnan(wanted), -1, wanted), atol=0.5001)


def test_the_command_line_writes_both(source, tmp_path, capsys):
    words = [
        "adc",
        str(source),
        "-o",
        str(tmp_path / "out"),
        "--as",
        "parametric-map",
        "--with-r2",
        "--numbers",
        "float32",
    ]
    assert main(words) == 0
    labels = [pydicom.dcmread(path / "IM00001.dcm").ContentLabel for path in sorted((tmp_path / "out").iterdir())]
    assert labels == ["ADC", "R2"]
    assert "2 series" in capsys.readouterr().out


def test_a_pet_becomes_one_too(tmp_path):
    datasets = make_series("PT", 4, NumberOfSlices=4, PatientWeight=70, CorrectedImage=["DECY", "ATTN"])
    source = saved(tmp_path / "in", without_overlays(datasets))
    derive.build(source, suv(), into="parametric-map", numbers="float32").write(tmp_path / "out")
    image = pydicom.dcmread(tmp_path / "out" / "IM00001.dcm")
    (item,) = image.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence
    assert (image.Modality, item.MeasurementUnitsCodeSequence[0].CodeValue) == ("PT", "g/ml{SUVbw}")
    assert not dciodvfy_errors([tmp_path / "out" / "IM00001.dcm"])


def half(values):
    return values * np.float32(0.5)


def test_a_function_of_ones_own_makes_one_where_its_quantity_is_said(tmp_path):
    step = apply(function=half, code="PerfusionImageAnalysis", units="/min")
    said = {"quantity": "Ktrans", "quantity_code": "126312:DCM", "quantity_items": {"MeasurementMethod": "DCM:1:Tofts"}}
    derive.build(make_series("MR", 4), step, into="parametric-map", **said).write(tmp_path / "out")
    image = pydicom.dcmread(tmp_path / "out" / "IM00001.dcm")
    (item,) = image.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence
    concept, method = item.QuantityDefinitionSequence
    assert concept.ConceptCodeSequence[0].CodeValue == "126312"
    assert method.ConceptCodeSequence[0].CodeMeaning == "Tofts"
    assert item.LUTExplanation == "Ktrans, /min"
    assert image.ContentLabel == "KTRANS"


REFUSED = {
    "no quantity": ({"into": "parametric-map"}, gaussian_blur(sigma_mm=1), "OPT-QUANTITY"),
    "numbers of another class": ({"numbers": "float32"}, adc(), "OPT-NUMBERS"),
    "numbers that are none": ({"into": "parametric-map", "numbers": "int8"}, adc(), "OPT-NUMBERS"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_map_is_refused_by_name(case, source):
    options, step, code = REFUSED[case]
    with raises_code(code):
        derive.build(source, step, **options).plan()


def test_text_that_is_burned_into_a_source_is_in_no_map(tmp_path):
    datasets = make_series("MR", 4, BurnedInAnnotation="YES")
    step = apply(function=half, code="PerfusionImageAnalysis", units="/min")
    with pytest.raises(DeriveError) as refused:
        derive.build(datasets, step, into="parametric-map", quantity="Ktrans").write(tmp_path / "out")
    assert refused.value.code == "ASM-TYPE1"
    assert "BurnedInAnnotation" in str(refused.value)


def test_a_map_with_a_table_instead_of_a_line_is_refused(written, numbers, tmp_path):
    image = pydicom.dcmread(written[0])
    item = image.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    del item.RealWorldValueSlope, item.RealWorldValueIntercept
    item.RealWorldValueLUTData = [0.0, 1.0, 2.0]
    image.save_as(tmp_path / "table.dcm", enforce_file_format=True)
    with raises_code("VAL-LUT"):
        derive.read(tmp_path / "table.dcm")


def test_padding_that_a_map_in_floating_point_names_is_padding(written, numbers, tmp_path):
    if numbers == "int16":
        pytest.skip("whole numbers have another attribute for it, which other tests read")
    image = pydicom.dcmread(written[0])
    keyword, kind = {"float32": ("Float", "<f4"), "float64": ("DoubleFloat", "<f8")}[numbers]
    stored = np.array(np.nan_to_num(image.pixel_array, nan=-7.0), kind)
    setattr(image, f"{keyword}PixelData", stored.tobytes())
    setattr(image, f"{keyword}PixelPaddingValue", -7.0)
    image.save_as(tmp_path / "padded.dcm", enforce_file_format=True)
    np.testing.assert_array_equal(np.isnan(derive.read(tmp_path / "padded.dcm").volume.array), stored == -7)


def test_t2_of_echoes_is_a_map(tmp_path):
    datasets = []
    for volume, echo in enumerate((10.0, 40.0, 80.0)):
        for index, dataset in enumerate(without_overlays(make_series("MR", 3, EchoTime=echo))):
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.9.{volume}.{index + 1}"
            dataset.PixelData = np.full((12, 14), round(3000 * np.exp(-echo / 50)), "<u2").tobytes()
            datasets.append(dataset)
    derive.build(datasets, t2_map()).write(tmp_path / "out")
    assert float(np.median(derive.read(tmp_path / "out").volume.array)) == pytest.approx(50, abs=0.1)
    for path in each(sorted((tmp_path / "out").iterdir())):
        assert pydicom.dcmread(path).ImageType[2] == "T2 MAP"
