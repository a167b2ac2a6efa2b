import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from derive.errors import DeriveError, GeometryError, SourceError, ValuesError
from derive.reading.read import read
from tests.helpers.source_files import copied, in_order, resized, save

CT, MR, PET = (f"petctmr_ibsi_sts002/{n}/image" for n in ("CT", "MR_T1", "PET"))
SYNTAXES = "cornerstone_one_ct_all_syntaxes"


def refused(source, code, **options):
    """The error with which a source is refused; it names no patient."""
    with pytest.raises(DeriveError) as caught:
        read(source, **options)
    error = caught.value
    assert error.code == code, str(error)
    assert isinstance(error, {"SRC": SourceError, "GEO": GeometryError, "VAL": ValuesError}[code[:3]])
    for name in ("STS_002", "Private^Person", "PATIENT-4711"):
        assert name not in str(error)
    return error


@pytest.fixture
def changed(real, tmp_path):
    """Return a function that copies the first slices of a CT and changes some of them."""

    def make(change, count=4, folder=CT):
        def private(dataset, index):
            dataset.PatientName, dataset.PatientID = "Private^Person", "PATIENT-4711"
            change(dataset, index)

        return copied(in_order(real(folder))[:count], tmp_path / "changed", private)

    return make


def only(index, **attributes):
    """Return a change that sets attributes of one slice, or deletes those that are None."""

    def change(dataset, at):
        if at == index:
            for keyword, value in attributes.items():
                if value is None:
                    del dataset[keyword]
                else:
                    setattr(dataset, keyword, value)

    return change


def moved(move):
    """Return a change of positions: `move(index) -> (x, y, z)` mm."""

    def change(dataset, index):
        position = np.array(dataset.ImagePositionPatient, dtype=float) + move(index)
        dataset.ImagePositionPatient = [f"{v:.4f}" for v in position]

    return change


# What is no series


@pytest.mark.parametrize("folder", ["nifti_ct_totalseg", "nrrd_mha"])
def test_no_image(real, folder):
    assert "not a DICOM file" in refused(real(folder), "SRC-NONE").message


def test_an_empty_folder_and_an_empty_list(tmp_path):
    refused(tmp_path, "SRC-NONE")
    refused([], "SRC-NONE")


def test_a_path_that_does_not_exist(tmp_path):
    assert "nowhere" in refused(tmp_path / "nowhere", "SRC-MISSING").message


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("ct_philips_exam_summary_SC", "Secondary Capture Image Storage"),
        ("enhanced_ct_2f", "Enhanced CT Image Storage"),
        ("enhanced_mr", "Enhanced MR Image Storage"),
        ("legacy_converted_ct/multiframe", "Legacy Converted Enhanced CT Image Storage"),
        ("nm_13frame", "Nuclear Medicine Image Storage"),
        ("xa_rubo_96f", "X-Ray Angiographic Image Storage"),
    ],
)
def test_other_classes_are_named(real, folder, name):
    error = refused(real(folder), "SRC-CLASS")
    assert name in error.message
    assert "only CT Image Storage, MR Image Storage, Positron Emission" in error.message


def test_several_frames_and_several_classes(changed):
    refused(changed(only(1, NumberOfFrames=2)), "SRC-CLASS")
    mixed = changed(only(1, SOPClassUID="1.2.840.10008.5.1.4.1.1.4"))
    assert "MR Image Storage (1 images" in refused(mixed, "SRC-CLASS").message


def test_several_series_are_listed(real):
    error = refused(real("mr_siemens_obliques"), "SRC-SERIES")
    assert [row["series_number"] for row in error.facts["series"]] == ["8001", "10001", "12001"]
    assert [row["images"] for row in error.facts["series"]] == [3, 3, 3]
    for row in error.facts["series"]:
        assert row["series_instance_uid"] in error.message


def test_a_lone_localizer(real):
    assert "I10" in refused(real("ct_philips_scout"), "SRC-LOCALIZER").message


def test_a_localizer_in_the_series_of_the_slices(real, tmp_path, changed):
    files = changed(lambda d, i: None)
    first = pydicom.dcmread(files[0])

    def join(dataset, index):
        for keyword in ("SeriesInstanceUID", "StudyInstanceUID", "PatientID", "PatientName", "FrameOfReferenceUID"):
            setattr(dataset, keyword, first[keyword].value)

    (scout,) = copied(real("ct_philips_scout").iterdir(), tmp_path / "scout", join)
    scout.rename(files[0].parent / "scout.dcm")
    error = refused(files[0].parent, "SRC-LOCALIZER")
    assert error.facts["files"] == ["scout.dcm"]
    assert "1 of 5" in error.message


def test_mosaics(real):
    refused(real("mr_siemens_mosaic/mr_0003"), "SRC-MOSAIC")


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"PatientID": "other"}, "SRC-PATIENT"),
        ({"PatientName": "Other^Person"}, "SRC-PATIENT"),
        ({"StudyInstanceUID": "1.2.3"}, "SRC-STUDY"),
        ({"SeriesInstanceUID": ""}, "SRC-SERIES"),
        ({"StudyInstanceUID": ""}, "SRC-UID"),
        ({"SOPInstanceUID": ""}, "SRC-UID"),
    ],
)
def test_identities_that_differ(changed, attributes, code):
    refused(changed(only(2, **attributes)), code)


def test_two_images_of_one_instance_uid(changed):
    files = changed(lambda d, i: None)
    dataset = pydicom.dcmread(files[1])
    dataset.SOPInstanceUID = pydicom.dcmread(files[0]).SOPInstanceUID
    save(dataset, files[1])
    assert refused(files, "SRC-DUPLICATE").facts["files"] == ["000.dcm", "001.dcm"]


def test_a_copy_with_other_pixels_is_no_copy(changed):
    files = changed(lambda d, i: None)
    dataset = pydicom.dcmread(files[0])
    dataset.PixelData = dataset.PixelData[:-2] + b"\x07\x07"
    save(dataset, files[0].parent / "other.dcm")
    refused(files[0].parent, "SRC-DUPLICATE")


# What cannot be read


def test_a_damaged_file(changed):
    files = changed(lambda d, i: None)
    data = bytearray(files[1].read_bytes())
    data[400:800] = b"\xff" * 400
    files[1].write_bytes(data)
    with pytest.raises(DeriveError) as caught:
        read(files)
    assert caught.value.code in {"SRC-UNREADABLE", "SRC-NOPIXELS", "SRC-VALUE", "SRC-UID"}
    assert "001.dcm" in str(caught.value)


def test_a_file_that_ends_in_its_header(changed):
    files = changed(lambda d, i: None)
    files[2].write_bytes(files[2].read_bytes()[:700])
    with pytest.raises(DeriveError) as caught:
        read(files)
    assert caught.value.code in {"SRC-UNREADABLE", "SRC-NOPIXELS", "SRC-SERIES"}


def test_every_way_to_cut_a_file_short_is_refused(changed, tmp_path):
    (whole,) = changed(lambda d, i: None, count=1)
    data = whole.read_bytes()
    for size in [*range(0, 3000, 97), len(data) // 2, len(data) - 1]:
        path = tmp_path / "cut.dcm"
        path.write_bytes(data[:size])
        with pytest.raises(DeriveError):
            read(path)


def test_no_pixel_data(real, changed):
    refused(real("pydicom_test_files/test_files/dicomdirtests/TINY_ALPHA"), "SRC-NOPIXELS")
    assert "002.dcm" in refused(changed(only(2, PixelData=None)), "SRC-NOPIXELS").message


def test_pixels_that_were_cut_short(real, changed):
    error = refused(real("pydicom_test_files/test_files/MR_truncated.dcm"), "VAL-TRUNCATED")
    assert "8192" in error.message
    assert "8130" in error.message
    files = changed(only(1, PixelData=b"\0" * 1000))
    assert "001.dcm" in refused(files, "VAL-TRUNCATED").message


@pytest.mark.parametrize("uid", ["4.90", "4.80", "4.70", "5"])
@pytest.mark.parametrize("left", [0.5, 0.98])
def test_compressed_pixels_that_were_cut_short(real, tmp_path, uid, left):
    (source,) = real(SYNTAXES).glob(f"*_1.2.840.10008.1.2.{uid}.dcm")
    data = source.read_bytes()
    (tmp_path / "cut.dcm").write_bytes(data[: int(len(data) * left)])
    refused(tmp_path / "cut.dcm", "VAL-TRUNCATED")


@pytest.mark.parametrize("uid", ["4.90", "4.80", "4.70"])
def test_a_codestream_without_its_end(real, tmp_path, uid):
    (source,) = real(SYNTAXES).glob(f"*_1.2.840.10008.1.2.{uid}.dcm")

    def cut(dataset, index):
        (frame,) = pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1)
        dataset.PixelData = pydicom.encaps.encapsulate([frame[: len(frame) // 2]])

    refused(copied([source], tmp_path / "s", cut), "VAL-TRUNCATED")


@pytest.mark.parametrize("uid", ["4.90", "4.80", "4.70"])
def test_a_compressed_image_of_another_size(real, tmp_path, uid):
    (source,) = real(SYNTAXES).glob(f"*_1.2.840.10008.1.2.{uid}.dcm")
    files = copied([source], tmp_path / "s", lambda d, i: d.__setattr__("Columns", 511))
    assert "512 columns" in refused(files, "VAL-DECODE").message


def test_a_damaged_codestream_is_refused_when_it_is_decoded(real, tmp_path):
    (source,) = real(SYNTAXES).glob("*_1.2.840.10008.1.2.5.dcm")

    def damage(dataset, index):
        (frame,) = pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1)
        dataset.PixelData = pydicom.encaps.encapsulate([frame[:64] + b"\x81\x00" * 100])

    (instance,) = read(copied([source], tmp_path / "s", damage)).frames
    with pytest.raises(ValuesError, match="VAL-DECODE"):
        instance.stored_values()


@pytest.mark.parametrize("uid", ["51", "53", "55"])
def test_transfer_syntaxes_without_a_decoder_that_is_right(real, uid):
    (path,) = real(SYNTAXES).glob(f"*_1.2.840.10008.1.2.4.{uid}.dcm")
    assert f"1.2.840.10008.1.2.4.{uid}" in refused(path, "SRC-SYNTAX").message


@pytest.mark.parametrize("uid", ["1.2.3.4", "1.2.840.10008.1.2.4.90"])
def test_a_transfer_syntax_that_is_unknown_or_untrue(changed, uid):
    files = changed(lambda d, i: None, count=1)
    dataset = pydicom.dcmread(files[0])
    data = files[0].read_bytes()
    old = dataset.file_meta.TransferSyntaxUID.encode()
    assert data.count(old) == 1
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    save(dataset, files[0], implicit_vr=False, little_endian=True)
    data = files[0].read_bytes()
    start = data.find(b"\x02\x00\x10\x00UI")
    length = int.from_bytes(data[start + 6 : start + 8], "little")
    value = uid.encode() + b"\0" * (len(uid) % 2)
    data = data[: start + 6] + len(value).to_bytes(2, "little") + value + data[start + 8 + length :]
    group = int.from_bytes(data[140:144], "little") + len(value) - length
    files[0].write_bytes(data[:140] + group.to_bytes(4, "little") + data[144:])
    assert uid in refused(files, "SRC-SYNTAX").message


def test_a_file_that_changed_after_its_header_was_read(changed):
    files = changed(lambda d, i: None)
    series = read(files)
    with files[1].open("ab") as stream:
        stream.write(b"\0\0")
    with pytest.raises(SourceError, match=r"SRC-CHANGED: 001\.dcm"):
        series.frames[1].stored_values()
    series.frames[0].stored_values()


# What has no values


def test_colour(changed):
    refused(changed(only(0, PhotometricInterpretation="PALETTE COLOR")), "VAL-COLOUR")
    refused(changed(only(0, PhotometricInterpretation="RGB", SamplesPerPixel=3)), "VAL-COLOUR")


@pytest.mark.parametrize(
    "attributes",
    [{"BitsAllocated": 12}, {"BitsStored": 17}, {"HighBit": 3}, {"PixelRepresentation": 2}, {"Rows": 0}],
)
def test_bits_that_make_no_sense(changed, attributes):
    refused(changed(only(1, **attributes)), "VAL-BITS")


def test_more_bits_than_float32_holds(changed):
    def wide(dataset, index):
        dataset.PixelData = dataset.pixel_array.astype("<i4").tobytes()
        dataset.BitsAllocated = dataset.BitsStored = 32
        dataset.HighBit = 31

    refused(changed(wide), "VAL-BITS")


@pytest.mark.parametrize("folder", [CT, PET])
@pytest.mark.parametrize("attributes", [{"RescaleSlope": None}, {"RescaleIntercept": None}, {"RescaleSlope": 0}])
def test_rescale_that_is_missing_or_zero(changed, folder, attributes):
    refused(changed(only(1, **attributes), folder=folder), "VAL-RESCALE")


def test_rescale_on_some_mr_images_only(changed):
    error = refused(changed(only(1, RescaleSlope=2, RescaleIntercept=0), folder=MR), "VAL-RESCALE")
    assert "3 of 4" in error.message


def test_a_modality_lut(changed):
    def add(dataset, index):
        item = Dataset()
        item.LUTDescriptor, item.ModalityLUTType, item.LUTData = [2, 0, 16], "HU", [0, 1]
        item["LUTDescriptor"].VR = "US"
        item["LUTData"].VR = "US"
        dataset.ModalityLUTSequence = [item]
        del dataset.RescaleSlope, dataset.RescaleIntercept

    refused(changed(add), "VAL-LUT")


# What is not one volume


def test_tilt(real):
    error = refused(real("ct_ge_tilt_irregular_28"), "GEO-TILT")
    assert error.facts["degrees"] == pytest.approx(18.5, abs=0.01)


@pytest.mark.parametrize("degrees", [0.2, -0.2, 3.0])
def test_small_tilts_are_found(changed, degrees):
    files = changed(moved(lambda i: (0, 3.27 * i * np.tan(np.radians(degrees)), 0)), count=20)
    assert refused(files, "GEO-TILT").facts["degrees"] == pytest.approx(abs(degrees), abs=0.01)


def test_a_missing_slice(real):
    error = refused(real("ct_missing_slice_ge_4"), "GEO-GAP")
    assert error.facts["gap_mm"] == pytest.approx(10, abs=1e-3)
    assert error.facts["expected_mm"] == pytest.approx(5, abs=1e-3)
    for name in error.facts["files"]:
        assert name in error.message


@pytest.mark.parametrize(("count", "missing"), [(48, 1), (48, 46), (48, 20), (4, 1), (4, 2)])
def test_any_single_missing_slice_is_found(real, tmp_path, count, missing):
    files = copied(in_order(real(CT))[:count], tmp_path / "s")
    files.pop(missing)
    error = refused(files, "GEO-GAP")
    assert error.facts["files"] == [f"{missing - 1:03d}.dcm", f"{missing + 1:03d}.dcm"]


def test_uneven_spacing(changed):
    error = refused(changed(moved(lambda i: (0, 0, 0.15 * i * i)), count=8), "GEO-SPACING")
    assert error.facts["least_mm"] == pytest.approx(3.42, abs=1e-3)
    assert error.facts["most_mm"] == pytest.approx(3.27 + 0.15 * 13, abs=1e-3)


def test_a_spacing_that_changes_half_way(changed):
    refused(changed(moved(lambda i: (0, 0, 0.05 * max(0, i - 6))), count=12), "GEO-SPACING")


def test_a_slice_that_lies_to_the_side(changed):
    error = refused(changed(moved(lambda i: (2.0 * (i == 3), 0, 0)), count=8), "GEO-SHIFT")
    assert error.facts["files"] == ["003.dcm"]


def test_images_at_one_position(real):
    error = refused(real("ct_duplicate_pos_siemens_4"), "GEO-DUPLICATE")
    assert len(error.facts["files"]) == 4


def test_a_slice_twice_under_another_uid(changed):
    files = changed(lambda d, i: None)
    dataset = pydicom.dcmread(files[1])
    dataset.SOPInstanceUID = generate_uid()
    save(dataset, files[0].parent / "again.dcm")
    assert refused(files[0].parent, "GEO-DUPLICATE").facts["files"] == ["001.dcm", "again.dcm"]


@pytest.mark.parametrize(
    ("folder", "positions", "images", "varying"),
    [
        ("mr_ge_4d_fmri_15x10", 15, 150, "InstanceNumber"),
        ("mr_siemens_dwi_b0_500_1500", 3, 39, "SequenceName"),
        ("mr_siemens_multiecho", 3, 7, "EchoTime"),
    ],
)
def test_four_dimensions(real, folder, positions, images, varying):
    error = refused(real(folder), "GEO-4D")
    assert (error.facts["positions"], error.facts["images"]) == (positions, images)
    assert error.facts["varying"][0] == varying
    assert varying in error.message


def test_orientation_differs(real, changed):
    refused(real("pydicom_test_files/test_files/dicomdirtests/98892003/MR700"), "GEO-ORIENTATION")
    error = refused(changed(only(2, ImageOrientationPatient=[0, 1, 0, 0, 0, 1])), "GEO-ORIENTATION")
    assert "(3 images, e.g. 000.dcm)" in error.message
    assert "(1 images, e.g. 002.dcm)" in error.message


def test_cosines_that_are_none(changed):
    refused(changed(lambda d, i: d.__setattr__("ImageOrientationPatient", [1, 0, 0, 1, 0, 0])), "GEO-COSINES")


def test_matrix_differs(changed):
    def crop(dataset, index):
        if index == 2:
            resized(dataset, 100, 100)

    assert "100\\100 (1 images, e.g. 002.dcm)" in refused(changed(crop), "GEO-MATRIX").message


def test_pixel_spacing_differs(changed):
    assert "0.98\\0.98" in refused(changed(only(2, PixelSpacing=[0.98, 0.98])), "GEO-PIXELS").message


def test_frame_of_reference_differs(changed):
    assert "1.2.3" in refused(changed(only(2, FrameOfReferenceUID="1.2.3")), "GEO-FOR").message


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_planes_that_are_not_stated(changed, keyword):
    error = refused(changed(only(1, **{keyword: None})), "GEO-MISSING")
    assert "001.dcm" in error.message
    assert keyword in error.message


def test_a_plane_stated_by_words(changed):
    def spoil(dataset, index):
        dataset._dict[pydicom.tag.Tag("PixelSpacing")] = pydicom.dataelem.RawDataElement(
            pydicom.tag.Tag("PixelSpacing"), "DS", 8, b"wide\\big", 0, False, True
        )

    refused(changed(spoil), "SRC-VALUE")


def test_a_single_image_of_unknown_thickness(changed):
    refused(changed(only(0, SliceThickness=None), count=1), "GEO-SINGLE")
