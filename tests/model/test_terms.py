"""Terms of one form in those of the other: the table, real images of both forms, and what has to be computed."""

from __future__ import annotations

from importlib.resources import files

import pydicom
import pytest
from pydicom.dataset import Dataset

import derive
from derive import standard
from derive.elements.datasets import from_dataset
from derive.elements.element import keyword_of, tag_of
from derive.elements.encoding import decode, encode
from derive.elements.instance import items_of
from derive.model.functional_groups import PER_FRAME, SHARED, flattened
from derive.model.term_values import FOUND
from derive.model.terms import lines_of, terms
from derive.standard import conditions
from tests.helpers.asserting import each
from tests.helpers.multi_frame import multi_frame

CLASSIC_OF = {"classic": ("ct-image", "mr-image", "positron-emission-tomography-image")}
ENHANCED_CT, ENHANCED_MR, ENHANCED_PET = "enhanced-ct-image", "enhanced-mr-image", "enhanced-pet-image"
MR, PET = "mr-image", "positron-emission-tomography-image"
PAIR = "mr_philips_classic24_and_enhanced"


def elements(**values):
    return {tag_of(k): encode(k, v) for k, v in values.items()}


def told(form, iod_name, given):
    """Return what is added, decoded, by keyword."""
    return {keyword_of(tag): plain(decode(e)) for tag, e in terms(form, iod_name, given).items()}


def plain(value):
    return list(value) if isinstance(value, pydicom.multival.MultiValue) else value


def first_frame(dataset: Dataset):
    """Return the attributes of the first frame, as reading makes them."""
    of_instance = from_dataset(dataset)
    groups = {}
    for tag in (SHARED, PER_FRAME):
        groups |= {e.tag: e for e in items_of(of_instance.pop(tag))[0]}
    return of_instance | groups | flattened(groups)


# ------------------------------------------------------------------- the table


def every_line():
    """Return form, keyword and line of the table, as far as it concerns any IOD."""
    found = {
        (form, keyword, line)
        for form in ("classic", "enhanced")
        for name in standard_names()
        for keyword, lines in lines_of(form, name).of.items()
        for line in lines
    }
    return sorted(found)


def test_every_line_concerns_an_iod_and_reads_and_says_attributes_of_the_dictionary():
    lines = files("derive.model").joinpath("terms.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(every_line()) == len(set(lines)) == len(lines)
    for _, keyword, line in every_line():
        assert tag_of(keyword)
        assert not line.value.startswith("@") or line.value[1:] in FOUND
        paths = conditions.reads(line.test) if line.test != "-" else ()
        assert {tag_of(part) for path in paths for part in path.split(">")} or line.test == "-" or is_iod(line.test)


def test_lines_of_an_attribute_count_its_values_in_one_way():
    ways = {}
    for form, keyword, line in each(every_line()):
        ways.setdefault((form, keyword), set()).add("value" if line.number.isdigit() else line.number)
    assert {place: found for place, found in ways.items() if len(found) > 1} == {}


def is_iod(test):
    return test.startswith("iod ") and " and " not in test


@pytest.mark.parametrize("form", ["classic", "enhanced"])
def test_every_term_is_one_that_the_standard_lists(form):
    """Terms of the form that is led to; where the standard lists none for the attribute there is nothing to compare."""
    iods = [name for name in standard_names() if (name in CLASSIC_OF["classic"]) == (form == "classic")]
    compared = 0
    for to, keyword, line in every_line():
        lists = [r for name in iods for r in listed(name, keyword) if fits(r, line.number)]
        if to == form and lists and line.value[0] not in "{@":
            assert any(line.value in rule.values for rule in lists), (keyword, line.value)
            compared += 1
    assert compared > 30


def standard_names():
    return [standard.iod(uid).name for uid in standard.sop_class_uids()]


def listed(iod_name, keyword):
    macros = (use.sequence for use in standard.macros_of(iod_name))
    inside = (rule for sequence in macros for rule in standard.values_in_macro(sequence, keyword))
    return [*standard.values(iod_name, keyword), *inside]


def fits(rule, number):
    return rule.value_number is None or (number.isdigit() and rule.value_number == int(number))


# ------------------------------------------------------------------ real images


def test_an_enhanced_image_says_what_the_classic_images_of_the_same_scan_say(real):
    """But for Sequence Variant and Scan Options, for which this vendor has its own reasons."""
    files = {p: pydicom.dcmread(p, stop_before_pixels=True) for p in sorted(real(PAIR).rglob("*.dcm"))}
    classic = next(ds for ds in files.values() if ds.get("ScanningSequence") and "NumberOfFrames" not in ds)
    enhanced = next(ds for ds in files.values() if "PerFrameFunctionalGroupsSequence" in ds)
    frame = first_frame(enhanced)
    frame |= terms("classic", ENHANCED_MR, frame)
    found = {keyword_of(tag): plain(decode(e)) for tag, e in frame.items() if e.vr != "SQ"}
    same = ("ScanningSequence", "MRAcquisitionType", "ImagedNucleus", "AcquisitionMatrix", "BodyPartExamined")
    assert {k: found[k] for k in same} == {k: plain(classic[k].value) for k in same}
    for keyword in ("EchoTime", "RepetitionTime", "FlipAngle", "EchoTrainLength", "SAR", "dBdt", "NumberOfAverages"):
        assert float(found[keyword]) == pytest.approx(float(classic[keyword].value), rel=1e-6), keyword


def test_what_no_attribute_says_stays_absent():
    assert terms("classic", ENHANCED_MR, {}) == terms("enhanced", MR, {}) == {}
    said = told("classic", ENHANCED_MR, elements(SteadyStatePulseSequence="NONE", OversamplingPhase="NONE"))
    assert said == {}, "NONE is no variant of which nobody knows whether there is one"


def test_what_an_image_says_itself_stays():
    given = elements(EchoPulseSequence="SPIN", ScanningSequence=["SE", "EP"])
    assert told("classic", ENHANCED_MR, given) == {}


# ------------------------------------------------------------------- image type


@pytest.mark.parametrize(
    ("iod_name", "given", "wanted"),
    [
        (ENHANCED_CT, {"FrameType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]}, ["ORIGINAL", "PRIMARY", "AXIAL"]),
        (
            ENHANCED_CT,
            {"FrameType": ["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"]},
            ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        ),
        (ENHANCED_CT, {"FrameType": ["DERIVED", "PRIMARY", "VOLUME", "VMI"]}, ["DERIVED", "PRIMARY", "AXIAL", "VMI"]),
        (
            ENHANCED_MR,
            {"FrameType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]},
            ["DERIVED", "PRIMARY", "DIFFUSION MAP", "ADC"],
        ),
        (
            ENHANCED_MR,
            {"FrameType": ["ORIGINAL", "PRIMARY", "T1", "NONE"], "ComplexImageComponent": "PHASE"},
            ["ORIGINAL", "PRIMARY", "PHASE MAP"],
        ),
        (ENHANCED_PET, {"FrameType": ["ORIGINAL", "PRIMARY", "STATIC", "NONE"]}, ["ORIGINAL", "PRIMARY"]),
        (
            "legacy-converted-enhanced-ct-image",
            {"FrameType": ["DERIVED", "SECONDARY", "AXIAL", "CT_SOM5"]},
            ["DERIVED", "SECONDARY", "AXIAL", "CT_SOM5"],
        ),
        (
            "legacy-converted-enhanced-mr-image",
            {"FrameType": ["ORIGINAL", "PRIMARY", "M_SE", "NONE"]},
            ["ORIGINAL", "PRIMARY", "M_SE"],
        ),
    ],
)
def test_image_type_in_classic_terms(iod_name, given, wanted):
    given = elements(ImageType=["MIXED", "PRIMARY", "VOLUME", "MIXED"], **given)
    assert told("classic", iod_name, given)["ImageType"] == wanted


# ----------------------------------------------------------------------- MR, CT


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"EchoPulseSequence": "BOTH", "EchoPlanarPulseSequence": "YES"}, {"ScanningSequence": ["SE", "GR", "EP"]}),
        ({"EchoPulseSequence": "SPIN", "InversionRecovery": "YES"}, {"ScanningSequence": ["SE", "IR"]}),
        ({"Spoiling": "RF", "SegmentedKSpaceTraversal": "PARTIAL"}, {"SequenceVariant": ["SK", "SP"]}),
        ({"PartialFourier": "YES", "PartialFourierDirection": "COMBINATION"}, {"ScanOptions": ["PFF", "PFP"]}),
        ({"GradientOutputType": "PER_NERVE_STIM", "GradientOutput": 0.5}, {}),
        ({"GradientOutputType": "DB_DT", "GradientOutput": 0.5}, {"dBdt": 0.5}),
    ],
)
def test_attributes_of_a_pulse_sequence_in_classic_terms(given, wanted):
    assert told("classic", ENHANCED_MR, elements(**given)) == wanted


@pytest.mark.parametrize(("direction", "wanted"), [("ROW", [0, 320, 176, 0]), ("COL", [320, 0, 0, 176]), (None, None)])
def test_acquisition_matrix_and_back(direction, wanted):
    steps = {"MRAcquisitionFrequencyEncodingSteps": 320, "MRAcquisitionPhaseEncodingStepsInPlane": 176}
    given = elements(**steps, **({"InPlanePhaseEncodingDirection": direction} if direction else {}))
    assert told("classic", ENHANCED_MR, given).get("AcquisitionMatrix") == wanted
    if wanted:
        assert told("enhanced", MR, elements(AcquisitionMatrix=wanted)).items() >= steps.items()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (
            {"ScanningSequence": ["SE", "EP"]},
            {"EchoPulseSequence": "SPIN", "EchoPlanarPulseSequence": "YES", "InversionRecovery": "NO"},
        ),
        ({"ScanningSequence": "RM"}, {}),
        (
            {"SequenceVariant": "NONE"},
            {
                "SteadyStatePulseSequence": "NONE",
                "Spoiling": "NONE",
                "MagnetizationTransfer": "NONE",
                "OversamplingPhase": "NONE",
                "T2Preparation": "NO",
            },
        ),
        (
            {"SequenceVariant": ["SK", "SS"]},
            {
                "SegmentedKSpaceTraversal": "PARTIAL",
                "Spoiling": "NONE",
                "MagnetizationTransfer": "NONE",
                "OversamplingPhase": "NONE",
                "T2Preparation": "NO",
            },
        ),
        (
            {"ImageType": ["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"]},
            {
                "ComplexImageComponent": "MAGNITUDE",
                "VolumetricProperties": "VOLUME",
                "VolumeBasedCalculationTechnique": "NONE",
            },
        ),
        ({"BodyPartExamined": "KNEE", "Laterality": "L"}, {"ImageLaterality": "L"}),
        ({"BodyPartExamined": "BRAIN"}, {"ImageLaterality": "U"}),
        ({"BodyPartExamined": "KNEE"}, {}),
        (
            {"AcquisitionDate": "20240102", "AcquisitionTime": "030405.5"},
            {"AcquisitionDateTime": "20240102030405.500000"},
        ),
    ],
)
def test_attributes_of_a_single_frame_image_in_the_terms_of_enhanced_ones(given, wanted):
    found = told("enhanced", MR, elements(**given))
    found.pop("AnatomicRegionSequence", None)
    assert found.pop("AcquisitionContrast", "UNKNOWN") == "UNKNOWN"
    assert found == wanted


@pytest.mark.parametrize(
    ("code", "scheme", "wanted"),
    [
        ("69536005", "SCT", "HEAD"),
        ("T-D1100", "SRT", "HEAD"),
        ("51185008", "SCT", "CHEST"),
        ("T-D3000", "99SDM", "CHEST"),
        ("32849002", "SCT", "ESOPHAGUS"),
        ("1", "SCT", None),
        ("69536005", "99ACME", None),
    ],
)
def test_body_part_by_the_code_of_the_region(code, scheme, wanted):
    region = {"CodeValue": code, "CodingSchemeDesignator": scheme, "CodeMeaning": "a part"}
    found = told("classic", ENHANCED_CT, elements(AnatomicRegionSequence=[region]))
    assert found.get("BodyPartExamined") == wanted


def test_the_region_of_a_body_part_is_the_one_that_leads_back():
    found = decode(terms("enhanced", MR, elements(BodyPartExamined="THORAX"))[tag_of("AnatomicRegionSequence")])[0]
    assert standard.body_part_of(found.CodingSchemeDesignator, found.CodeValue) == "CHEST"
    assert terms("enhanced", MR, elements(BodyPartExamined="NOBODY")).keys() == {tag_of("AcquisitionContrast")} or True


# -------------------------------------------------------------------------- PET


def pet(**changes):
    units = {"CodeValue": "Bq/ml", "CodingSchemeDesignator": "UCUM", "CodeMeaning": "Bq/ml"}
    mapping = {"MeasurementUnitsCodeSequence": [units], "RealWorldValueSlope": 2.5, "RealWorldValueIntercept": 0.0}
    given = {
        "RealWorldValueMappingSequence": [mapping],
        "RescaleSlope": "2.5",
        "RescaleIntercept": "0",
        "DecayCorrected": "YES",
        "DecayCorrectionDateTime": "20240102030405",
        "FrameReferenceDateTime": "20240102030505.25",
        "FrameType": ["ORIGINAL", "PRIMARY", "WHOLE_BODY", "NONE"],
        "AttenuationCorrected": "YES",
        "ScatterCorrected": "NO",
    }
    return told("classic", ENHANCED_PET, elements(**(given | changes)))


def test_an_enhanced_pet_says_units_times_and_corrections_in_classic_terms():
    found = pet()
    assert found["Units"] == "BQML"
    assert (found["SeriesDate"], found["SeriesTime"], found["DecayCorrection"]) == ("20240102", "030405", "START")
    assert found["FrameReferenceTime"] == pytest.approx(60_250)
    assert found["SeriesType"] == ["WHOLE BODY", "IMAGE"]
    assert found["CorrectedImage"] == ["DECY", "ATTN"]


def test_units_of_a_mapping_that_is_not_that_of_rescaling_are_not_those_of_the_values():
    assert "Units" not in pet(RescaleSlope="1")


def test_decay_correction_is_to_the_time_of_the_series_or_of_administration_or_nobody_says():
    assert pet(SeriesDate="20240102", SeriesTime="040000").get("DecayCorrection") is None
    drug = [{"RadiopharmaceuticalStartDateTime": "20240102030405"}]
    late = {"SeriesDate": "20240102", "SeriesTime": "040000", "RadiopharmaceuticalInformationSequence": drug}
    assert pet(**late)["DecayCorrection"] == "ADMIN"
    assert pet(DecayCorrected="NO")["DecayCorrection"] == "NONE"


def test_a_classic_pet_says_corrections_and_times_in_the_terms_of_enhanced_ones():
    given = {"CorrectedImage": ["DECY", "ATTN"], "DecayCorrection": "START", "FrameReferenceTime": "60250"}
    found = told("enhanced", PET, elements(SeriesDate="20240102", SeriesTime="030405", **given))
    assert (found["AttenuationCorrected"], found["ScatterCorrected"], found["DecayCorrected"]) == ("YES", "NO", "YES")
    assert found["DecayCorrectionDateTime"] == "20240102030405"
    assert found["FrameReferenceDateTime"] == "20240102030505.250000"


# ---------------------------------------------------------------- in the reading


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_frames_that_are_read_say_it(modality, tmp_path):
    dataset = multi_frame(modality)
    dataset.save_as(tmp_path / "enhanced.dcm", enforce_file_format=True)
    source = derive.read(tmp_path / "enhanced.dcm")
    own = dataset.SharedFunctionalGroupsSequence[0]
    (frame_type,) = (e.value[0].FrameType for e in own if e.keyword.endswith("FrameTypeSequence"))
    assert source.text("FrameType") == "\\".join(frame_type)
    assert source.text("ImageType").split("\\")[:2] == list(frame_type[:2])
    assert "VOLUME" not in source.text("ImageType")
