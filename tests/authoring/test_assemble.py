"""The pull: what is kept, what is made, what must not survive, and that nothing is invented."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

import derive
from derive.elements.element import tag_of
from derive.operations import apply, gaussian_blur, mip, resample
from tests.helpers.asserting import every
from tests.helpers.sources import ROOT, make_series


def written(source, *steps, folder, **options):
    """Derive, write, and read back all instances."""
    report = derive.build(derive.read(source), *steps, **options).write(folder)
    return [pydicom.dcmread(f) for f in report.files]


def same(values: np.ndarray) -> np.ndarray:
    return values


POINTWISE = apply(function=same, code="Smoothing", halo_slices=0)


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_what_speaks_of_the_scanner_does_not_survive(modality, tmp_path):
    for dataset in written(make_series(modality), gaussian_blur(sigma_mm=1.0), folder=tmp_path / "o"):
        for keyword in (
            "OperatorsName",
            "PerformingPhysicianName",
            "PerformedProcedureStepID",
            "PerformedProcedureStepDescription",
            "ImageComments",
            "StationName",
            "InstitutionName",
            "DeviceSerialNumber",
        ):
            assert keyword not in dataset
        assert not any(e.tag.is_private or 0x6000 <= e.tag.group <= 0x60FF for e in dataset)
        assert dataset.ImageType[0] == "DERIVED"
        assert dataset.Manufacturer == "derive project"
        equipment = dataset.ContributingEquipmentSequence[0]
        assert (equipment.Manufacturer, equipment.StationName) == ("ACME", "CT1")
        assert equipment.PurposeOfReferenceCodeSequence[0].CodeValue == "109101"


def test_patient_study_and_space_are_the_same_and_identity_is_new(tmp_path):
    sources = make_series("CT")
    for dataset in written(sources, gaussian_blur(sigma_mm=1.0), folder=tmp_path / "o"):
        for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "AccessionNumber", "FrameOfReferenceUID"):
            assert dataset[keyword].value == sources[0][keyword].value
        assert dataset.SeriesInstanceUID != sources[0].SeriesInstanceUID
        assert dataset.SOPInstanceUID not in {s.SOPInstanceUID for s in sources}
        assert dataset.SeriesDescription == "blur 1 mm: Thorax 2.0"
        assert 3_100_000 <= dataset.SeriesNumber <= 3_999_999


def test_pet_keeps_the_series_time_and_others_get_now(tmp_path):
    now = datetime(2026, 5, 6, 7, 8, 9)
    pet = written(make_series("PT"), gaussian_blur(sigma_mm=1.0), folder=tmp_path / "p", timestamp=now)[0]
    ct = written(make_series("CT"), gaussian_blur(sigma_mm=1.0), folder=tmp_path / "c", timestamp=now)[0]
    assert (pet.SeriesDate, pet.SeriesTime) == ("20260102", "102000")
    assert (ct.SeriesDate, ct.SeriesTime) == ("20260506", "070809.000000")
    assert pet.ContentDate == ct.ContentDate == "20260506"


def test_new_times_are_given_in_the_time_zone_of_the_source(tmp_path):
    now = datetime(2026, 5, 6, 23, 0, 0, tzinfo=UTC)
    sources = make_series("CT", TimezoneOffsetFromUTC="+0530")
    dataset = written(sources, gaussian_blur(sigma_mm=1.0), folder=tmp_path / "o", timestamp=now)[0]
    assert (dataset.ContentDate, dataset.ContentTime[:6]) == ("20260507", "043000")
    assert dataset.TimezoneOffsetFromUTC == "+0530"


def test_an_attribute_on_which_contributors_differ_is_dropped_emptied_or_falls_back(tmp_path):
    sources = make_series(
        "MR", EchoTime=lambda k: 10 + k, ScanningSequence=lambda k: "SE" if k < 3 else "GR", FlipAngle=lambda k: 90 - k
    )
    for dataset in written(sources, mip(), folder=tmp_path / "o"):
        assert "FlipAngle" not in dataset
        assert dataset["EchoTime"].is_empty
        assert dataset.ScanningSequence == "RM"


def test_each_instance_keeps_what_its_own_contributors_agree_on(tmp_path):
    pointwise = written(make_series("CT"), POINTWISE, folder=tmp_path / "o")
    assert [d.Exposure for d in pointwise] == [100 + k for k in range(6)]
    blurred = written(make_series("CT"), gaussian_blur(sigma_mm=1.0), folder=tmp_path / "b")
    assert not any("Exposure" in d for d in blurred)


def test_no_instance_has_what_another_cannot_have(tmp_path):
    """Readers split a series in which an attribute comes and goes."""
    sources = make_series("CT", count=9, Exposure=lambda k: 100 if k < 8 else 50)
    blurred = written(sources, gaussian_blur(sigma_mm=0.5), folder=tmp_path / "b")
    assert len({"Exposure" in d for d in blurred}) == 1


def test_the_earliest_acquisition_counts(tmp_path):
    dataset = written(make_series("CT"), mip(), folder=tmp_path / "o")[0]
    assert dataset.AcquisitionTime == "102100"


def test_a_new_grid_loses_what_was_true_of_the_old_one(tmp_path):
    kept = written(make_series("CT"), gaussian_blur(sigma_mm=1.0), folder=tmp_path / "k")[0]
    new = written(make_series("CT"), resample(spacing_mm=2.5), folder=tmp_path / "n")[0]
    assert kept.ReconstructionDiameter == 15
    assert kept.GantryDetectorTilt == 0
    assert "ReconstructionDiameter" not in new
    assert "GantryDetectorTilt" not in new
    assert new.SliceThickness == new.SpacingBetweenSlices == 2.5


def test_a_diameter_that_is_not_that_of_the_pixels_is_not_pulled(tmp_path):
    dataset = written(make_series("CT", ReconstructionDiameter=500), POINTWISE, folder=tmp_path / "o")[0]
    assert "ReconstructionDiameter" not in dataset


def test_mr_has_no_rescale_and_a_mapping_only_where_stored_values_are_not_the_values(tmp_path):
    for dataset in written(make_series("MR"), gaussian_blur(sigma_mm=1.0), folder=tmp_path / "o"):
        assert "RescaleSlope" not in dataset
        assert "RealWorldValueMappingSequence" not in dataset
    small = make_series("MR", RescaleSlope=0.03, RescaleIntercept=0)
    for dataset in written(small, gaussian_blur(sigma_mm=1.0), folder=tmp_path / "s"):
        assert "RescaleSlope" not in dataset
        (mapping,) = dataset.RealWorldValueMappingSequence
        assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (0.01, 0)
        assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "1"
        assert mapping.RealWorldValueFirstValueMapped <= dataset.SmallestImagePixelValue


def test_a_chain_has_an_item_a_step_and_the_sources_own_stay_in_front(tmp_path):
    first = tmp_path / "first"
    written(make_series("CT"), resample(spacing_mm=2.0), folder=first)
    twice = written(first, gaussian_blur(sigma_mm=1.0), POINTWISE, folder=tmp_path / "second")[1]
    assert [c.CodeValue for c in twice.DerivationCodeSequence] == ["113085", "113088", "113087"]
    assert twice.DerivationDescription.startswith("resample(spacing_mm=2, interpolator='linear'); gaussian_blur(")
    uids = [i.ReferencedSOPInstanceUID for i in twice.SourceImageSequence]
    assert uids[0].startswith(ROOT)
    assert uids[-1].startswith("2.25.")
    series = {s.SeriesInstanceUID: len(s.ReferencedInstanceSequence) for s in twice.ReferencedSeriesSequence}
    assert set(series) == {f"{ROOT}.2", pydicom.dcmread(next(first.iterdir())).SeriesInstanceUID}
    purposes = [e.PurposeOfReferenceCodeSequence[0].CodeValue for e in twice.ContributingEquipmentSequence]
    assert purposes == ["109101", "109102"]


def test_a_source_of_a_source_is_named_once_and_stays_in_place_only_if_both_steps_keep_it(tmp_path):
    first = tmp_path / "first"
    written(make_series("CT"), gaussian_blur(sigma_mm=1.0), folder=first)
    kept = written(first, gaussian_blur(sigma_mm=1.0), folder=tmp_path / "kept")[2]
    uids = [i.ReferencedSOPInstanceUID for i in kept.SourceImageSequence]
    assert len(uids) == len(set(uids))
    assert [i.SpatialLocationsPreserved for i in kept.SourceImageSequence].count("YES") == 2
    moved = written(first, mip(), folder=tmp_path / "moved")[0]
    assert len(moved.SourceImageSequence) == 12
    assert {i.SpatialLocationsPreserved for i in moved.SourceImageSequence} == {"NO"}


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@pytest.mark.parametrize("fill", [None, "padding"])
def test_slices_beyond_the_source_are_filled_and_name_no_source(modality, fill, tmp_path):
    grid = derive.read(make_series(modality)).geometry
    first = np.array(grid.first_position) - 8 * np.array(grid.normal)
    wide = replace(grid, first_position=tuple(first), shape=(14, 12, 14), measured_positions=None)
    found = written(make_series(modality), resample(reference=wide, fill=fill), folder=tmp_path / "o")
    assert ["SourceImageSequence" in d for d in found] == [4 <= k < 10 for k in range(14)]
    outside = found[0]
    if fill:
        assert (outside.pixel_array == outside.PixelPaddingValue).all()
    else:
        slope, intercept = float(outside.get("RescaleSlope", 1)), float(outside.get("RescaleIntercept", 0))
        assert (outside.pixel_array * slope + intercept == (-1000 if modality == "CT" else 0)).all()


def test_a_source_whose_own_source_lies_in_no_known_series(tmp_path):
    """A lossy copy names the image it was made from, and nothing says in which series that is: no archive finds it."""
    original = Dataset()
    original.ReferencedSOPClassUID, original.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4.5"
    sources = make_series("CT", SourceImageSequence=Sequence([original]), LossyImageCompression="01")
    dataset = written(sources, POINTWISE, folder=tmp_path / "o")[0]
    assert [i.ReferencedSOPInstanceUID for i in dataset.SourceImageSequence] == [f"{ROOT}.4.1"]
    named = dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert [i.ReferencedSOPInstanceUID for i in named] == [f"{ROOT}.4.1"]
    assert dataset.LossyImageCompression == "01"


def test_a_description_is_never_cut_in_silence(tmp_path):
    long = apply(function=same, code="Smoothing", halo_slices=0, description="x" * 1100)
    with pytest.raises(derive.AssembleError, match="ASM-LONG"):
        written(make_series("CT"), long, folder=tmp_path / "o")
    sources = make_series("CT", DerivationDescription="y" * 1000)
    dataset = written(sources, POINTWISE, folder=tmp_path / "p")[0]
    assert len(dataset.DerivationDescription) <= 1024
    assert " [...]; apply(" in dataset.DerivationDescription


def test_parameters_are_recorded_to_the_last_digit(tmp_path):
    dataset = written(make_series("CT"), gaussian_blur(sigma_mm=(0.1 + 0.2, 1 / 3, 2)), folder=tmp_path / "o")[0]
    assert dataset.DerivationDescription == "gaussian_blur(sigma_mm=(0.30000000000000004, 0.3333333333333333, 2))"


def test_an_extension_of_the_context_group_is_complete(tmp_path):
    step = apply(function=same, code="99LAB:B1:Bilateral filter", halo_slices=0)
    dataset = written(make_series("CT"), step, folder=tmp_path / "o")[0]
    item = dataset.DerivationCodeSequence[0]
    assert (item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning) == ("B1", "99LAB", "Bilateral filter")
    assert (item.ContextGroupExtensionFlag, item.ContextIdentifier) == ("Y", "7203")
    assert item.ContextGroupExtensionCreatorUID
    assert item.ContextGroupLocalVersion
    assert dataset.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99LAB"


def test_lossy_is_sticky(tmp_path):
    sources = make_series("CT", LossyImageCompression=lambda k: "01" if k == 2 else "00")
    blurred = written(sources, gaussian_blur(sigma_mm=0.4), folder=tmp_path / "o")
    assert [d.LossyImageCompression for d in blurred] == ["00", "01", "01", "01", "00", "00"]


def test_a_burned_in_annotation_is_not_lost(tmp_path):
    sources = make_series("CT", BurnedInAnnotation=lambda k: "YES" if k == 2 else "NO")
    assert written(sources, mip(), folder=tmp_path / "o")[0].BurnedInAnnotation == "YES"
    unknown = make_series("CT", BurnedInAnnotation=lambda k: "NO" if k else None)
    assert "BurnedInAnnotation" not in written(unknown, mip(), folder=tmp_path / "u")[0]


def test_the_window_is_kept_with_the_quantity_and_made_without(tmp_path):
    kept = written(make_series("CT"), gaussian_blur(sigma_mm=1.0), folder=tmp_path / "k")[0]
    assert (kept.WindowCenter, kept.WindowWidth) == (40, 400)
    other = apply(function=scaled, code="Smoothing", units="{ratio}")
    made = written(make_series("CT"), other, folder=tmp_path / "n")[0]
    assert made.RescaleType == "US"
    assert 0.5 <= made.WindowCenter <= 0.51
    assert 1 <= made.WindowWidth <= 1.01
    assert "VOILUTFunction" not in made


def scaled(values: np.ndarray) -> np.ndarray:
    return (values + 1024) / np.float32(1e6)


def test_windows_that_differ_from_slice_to_slice_become_one(tmp_path):
    sources = make_series("MR", WindowCenter=lambda k: 100 + k, WindowWidth=lambda k: 200 + 2 * k)
    blurred = written(sources, gaussian_blur(sigma_mm=1.0), folder=tmp_path / "o")
    assert {(float(d.WindowCenter), float(d.WindowWidth)) for d in blurred} == {(102.5, 205.0)}


def test_pet_says_how_it_was_projected_and_keeps_its_slopes(tmp_path):
    sources = make_series("PT")
    projected = written(sources, mip(slab_mm=4.0), folder=tmp_path / "m")
    assert projected[0].SeriesType == ["STATIC", "REPROJECTION"]
    assert projected[0].ReprojectionMethod == "MAX PIXEL"
    assert {d.NumberOfSlices for d in projected} == {3}
    assert [d.ImageIndex for d in projected] == [1, 2, 3]
    same_values = written(sources, POINTWISE, folder=tmp_path / "s")
    for dataset, source in zip(same_values, sources, strict=True):
        assert dataset.RescaleIntercept == 0
        found = dataset.pixel_array * float(dataset.RescaleSlope)
        wanted = source.pixel_array * float(source.RescaleSlope)
        assert np.abs(found - wanted).max() <= float(dataset.RescaleSlope) / 2 + 1e-9


def test_the_type_1_attribute_that_nobody_has_is_named(tmp_path):
    sources = make_series("PT", CountsSource=None)
    with pytest.raises(derive.AssembleError, match=r"ASM-TYPE1: CountsSource.*set={\"CountsSource\""):
        written(sources, gaussian_blur(sigma_mm=1.0), folder=tmp_path / "o")
    given = written(sources, gaussian_blur(sigma_mm=1.0), folder=tmp_path / "g", set={"CountsSource": "EMISSION"})
    assert given[0].CountsSource == "EMISSION"
    assert not (tmp_path / "o").exists()


def test_a_source_without_a_frame_of_reference_gets_one(tmp_path):
    found = written(make_series("CT", FrameOfReferenceUID=None), gaussian_blur(sigma_mm=1.0), folder=tmp_path / "o")
    assert len({d.FrameOfReferenceUID for d in found}) == 1


def test_what_is_not_legal_in_the_source_is_not_pulled_but_identity_is(tmp_path):
    sources = make_series("CT", BodyPartExamined="not a code string!", PatientID="P" * 70)
    dataset = written(sources, gaussian_blur(sigma_mm=1.0), folder=tmp_path / "o")[0]
    assert "BodyPartExamined" not in dataset
    assert dataset.PatientID == "P" * 70


def test_an_item_that_lacks_what_it_may_be_without_is_made_whole(tmp_path):
    isotope = Dataset()
    isotope.RadionuclideTotalDose = 1e8
    sources = make_series("PT", RadiopharmaceuticalInformationSequence=Sequence([isotope]))
    item = written(sources, gaussian_blur(sigma_mm=1.0), folder=tmp_path / "o")[
        0
    ].RadiopharmaceuticalInformationSequence[0]
    assert item.RadionuclideTotalDose == 1e8
    assert "RadionuclideCodeSequence" in item


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 192", ["", "ISO 2022 IR 87"], "GB18030"])
def test_text_that_nobody_touches_keeps_its_bytes(charset, tmp_path):
    text = {"ISO_IR 100": "Müller^Jörg", "ISO_IR 192": "Müller^Jörg", "GB18030": "王^小东"}
    name = text.get(charset, "Yamada^Tarou=山田^太郎") if isinstance(charset, str) else "Yamada^Tarou=山田^太郎"
    folder = tmp_path / "source"
    folder.mkdir()
    for k, dataset in enumerate(make_series("CT", SpecificCharacterSet=charset, PatientName=name)):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    raw = pydicom.dcmread(folder / "0.dcm").get_item("PatientName").value
    dataset = written(folder, gaussian_blur(sigma_mm=1.0), folder=tmp_path / "o")[0]
    assert dataset.get_item("PatientName").value == raw
    assert dataset.PatientName == name
    assert dataset.SpecificCharacterSet == charset


def test_added_text_that_does_not_fit_makes_all_of_it_unicode(tmp_path):
    sources = make_series("CT", SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg")
    dataset = written(sources, gaussian_blur(sigma_mm=1.0), folder=tmp_path / "o", series_description="平滑")[0]
    assert dataset.SpecificCharacterSet == "ISO_IR 192"
    assert dataset.PatientName == "Müller^Jörg"
    assert dataset.SeriesDescription == "平滑"


def test_every_attribute_of_the_source_is_accounted_for():
    source = derive.read(make_series("CT"))
    series = derive.build(source, gaussian_blur(sigma_mm=1.0))
    accounted = {e.tag: e for e in series.account}
    assert source.tags <= accounted.keys()
    assert every(e.reason for e in series.account)
    assert accounted[tag_of("PatientName")].action == "pulled"
    assert accounted[tag_of("OperatorsName")].action == "dropped"
    assert accounted[tag_of("Rows")].action == "recomputed"
    private = [e for e in series.account if (e.tag >> 16) % 2]
    assert private
    assert {e.action for e in private} == {"dropped"}
    assert "not in this IOD" in {
        e.action for e in derive.build(derive.read(make_series("CT", EchoTime=3)), POINTWISE).account
    }


def test_instances_are_plain_data_sets_one_at_a_time(tmp_path):
    series = derive.build(derive.read(make_series("CT")), gaussian_blur(sigma_mm=1.0))
    instances = list(series.instances())
    assert len(instances) == 6
    for dataset in instances:
        assert type(dataset) is Dataset
        dataset.PatientName = "Changed^By^User"
        path = tmp_path / f"{dataset.InstanceNumber}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        assert pydicom.dcmread(path).PatientName == "Changed^By^User"
    assert next(series.instances()).PatientName == "Doe^Jane"


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"NoSuchThing": "x"}, "SET-KEYWORD"),
        ({"SeriesDescripton": "x"}, "did you mean SeriesDescription"),
        ({"SeriesInstanceUID": "1.2.3"}, "SET-FORBIDDEN"),
        ({"PatientName": "x"}, "SET-FORBIDDEN"),
        ({"Rows": "3"}, "SET-"),
        ({"PixelSpacing": "1"}, "SET-FORBIDDEN"),
        ({"0020,0013": "1"}, "SET-KEYWORD"),
    ],
)
def test_what_cannot_be_set_is_refused(attributes, code, tmp_path):
    with pytest.raises(derive.UsageError, match=code):
        written(make_series("CT"), gaussian_blur(sigma_mm=1.0), folder=tmp_path / "o", set=attributes)


def test_what_can_be_set_is_set(tmp_path):
    attributes = {"ProtocolName": "My protocol", "InstitutionName": "Lab", "OperatorsName": "Me"}
    dataset = written(make_series("CT"), gaussian_blur(sigma_mm=1.0), folder=tmp_path / "o", set=attributes)[0]
    assert (dataset.ProtocolName, dataset.InstitutionName, str(dataset.OperatorsName)) == tuple(attributes.values())


def test_images_scroll_as_their_source_does(tmp_path):
    upwards = written(make_series("CT"), gaussian_blur(sigma_mm=1.0), folder=tmp_path / "u")
    downwards = written(
        make_series("CT", InstanceNumber=lambda k: 20 - k), gaussian_blur(sigma_mm=1.0), folder=tmp_path / "d"
    )
    assert [d.InstanceNumber for d in upwards] == [d.InstanceNumber for d in downwards] == list(range(1, 7))
    assert [d.ImagePositionPatient[2] for d in upwards] == [d.ImagePositionPatient[2] for d in downwards][::-1]
