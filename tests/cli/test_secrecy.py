"""Nothing of a file is printed that was not asked for: planted identifiers, over every command, fine and failing."""

from __future__ import annotations

from contextlib import suppress

import nibabel
import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from derive.cli.commands import commands
from derive.cli.main import main
from tests.helpers.asserting import each
from tests.helpers.sources import make_series

#: Attributes that may hold anything, by how long a text they take.
TEXTS = [
    "PatientName",
    "PatientID",
    "OtherPatientNames",
    "PatientBirthName",
    "PatientMotherBirthName",
    "PatientAddress",
    "PatientComments",
    "PatientTelephoneNumbers",
    "MilitaryRank",
    "BranchOfService",
    "MedicalRecordLocator",
    "Occupation",
    "AdditionalPatientHistory",
    "EthnicGroup",
    "PatientReligiousPreference",
    "CountryOfResidence",
    "RegionOfResidence",
    "IssuerOfPatientID",
    "StudyID",
    "AccessionNumber",
    "StudyDescription",
    "ReferringPhysicianName",
    "PhysiciansOfRecord",
    "NameOfPhysiciansReadingStudy",
    "SeriesDescription",
    "DerivationDescription",
    "ProtocolName",
    "OperatorsName",
    "PerformingPhysicianName",
    "PerformedProcedureStepID",
    "PerformedProcedureStepDescription",
    "CommentsOnThePerformedProcedureStep",
    "InstitutionName",
    "InstitutionAddress",
    "InstitutionalDepartmentName",
    "StationName",
    "DeviceSerialNumber",
    "PlateID",
    "CassetteID",
    "GantryID",
    "ImageComments",
    "RequestingPhysician",
    "RequestedProcedureDescription",
    "CurrentPatientLocation",
    "AdmissionID",
    "ReasonForStudy",
    "ContrastBolusAgent",
    "ClinicalTrialSubjectID",
    "ClinicalTrialProtocolID",
    "ClinicalTrialSiteName",
    "ClinicalTrialSponsorName",
    "TextComments",
    "DeviceDescription",
    "PatientInstitutionResidence",
    "AdmittingDiagnosesDescription",
]
#: What decides how images are read: what is planted here is illegal, so that commands refuse or leave it out.
DECIDING = [
    "SOPClassUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "Modality",
    "ImageType",
    "RescaleType",
    "SeriesNumber",
    "InstanceNumber",
    "PatientSex",
    "StudyDate",
    "PhotometricInterpretation",
    "ImagePositionPatient",
    "PixelSpacing",
    "RescaleSlope",
    "SpecificCharacterSet",
    "PatientPosition",
    "SliceThickness",
    "KVP",
    "WindowCenter",
]
FLAGS = {"gaussian-blur": ["--sigma-mm", "1"], "resample": ["--spacing-mm", "2"], "apply": ["--function", "numpy:abs"]}
FLAGS["compress"] = ["--jpeg-ls", "--error", "2"]
FLAGS["apply"] += ["--code", "Smoothing"]


def token(number: int) -> str:
    return f"PLANT{number:03d}X"


def planted(count=3, **changes):
    series = make_series("CT", count=count, shape=(6, 7), **changes)
    for dataset in series:
        for number, keyword in enumerate(TEXTS):
            setattr(dataset, keyword, token(number))
        dataset.PatientID = "1.2.826.31415926.27182818"  # looks as a UID does
        dataset.private_block(0x0011, token(700), create=True).add_new(1, "LO", token(701))
        request = Dataset()
        request.RequestedProcedureID, request.ScheduledProcedureStepDescription = token(702), token(703)
        dataset.RequestAttributesSequence = Sequence([request])
        dataset.file_meta.SourceApplicationEntityTitle = token(704)
        dataset.file_meta.PrivateInformationCreatorUID, dataset.file_meta.PrivateInformation = "1.2.3", b"PLANT705X "
    return series


SECRETS = ["PLANT", "31415926.27182818", "Doe^Jane"]


def saved(folder, series):
    folder.mkdir()
    for index, dataset in enumerate(series):
        dataset.save_as(folder / f"{index}.dcm", enforce_file_format=True)
    return folder


def spoiled(data: bytes, keyword: str, series) -> bytes:
    """Put a planted value where a legal one stood, byte by byte, as damaged files have it."""
    element = series[0][keyword]
    value = element.value if isinstance(element.value, str) else "\\".join(map(str, np.atleast_1d(element.value)))
    old = value.encode() + b" " * (len(value) % 2)
    new = (b"PLANT999X^" * 20)[: len(old)]
    return data.replace(old, new) if len(old) >= 6 else data


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    root = tmp_path_factory.mktemp("planted")
    found = {"fine": saved(root / "fine", planted())}
    found["derived"] = root / "derived"
    assert main(["gaussian-blur", str(found["fine"]), "-o", str(found["derived"]), "--sigma-mm", "1", "-q"]) == 0
    for keyword in DECIDING:
        series = planted(
            count=2,
            ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
            RescaleType="HU_LIKE",
            KVP="120.000",
            SpecificCharacterSet="ISO_IR 100",
            WindowCenter="40.0000",
            RescaleSlope="1.00000",
        )
        folder = saved(root / keyword, series)
        for file in folder.iterdir():
            file.write_bytes(spoiled(file.read_bytes(), keyword, series))
        found[keyword] = folder
    two = planted(count=2)
    two[1].PatientName = "PLANT998X"
    found["two patients"] = saved(root / "two", two)
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.diag([1.0, 1, 2, 1]))
    for field, text in (("descrip", "PLANT801X"), ("db_name", "PLANT802X"), ("intent_name", "PLANT803X")):
        image.header[field] = text
    image.header["aux_file"] = "PLANT804X"
    nibabel.save(image, root / "volume.nii.gz")
    text = PngImagePlugin.PngInfo()
    text.add_text("Patient", "PLANT805X")
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(root / "picture.png", pnginfo=text)
    (root / "volume.nrrd").write_bytes(
        b"NRRD0005\ntype: short\ndimension: 3\nsizes: 2 2 2\nencoding: raw\nendian: little\n"
        b'space units: "PLANT806X" "PLANT806X" "PLANT806X"\nPatient:=PLANT807X\n\n' + bytes(16)
    )
    (root / "plan.toml").write_text("[[rule]]\nsteps = ['gaussian_blur(sigma_mm=1)']\n")
    return root, found


def lines(command: str, root, source, out):
    """Give what is called for a command; a new one needs a line here."""
    derived, nowhere = str(root / "derived"), "PACS@127.0.0.1:1"
    known = {
        "convert": [[str(root / name), "-o", out, "--modality", "OT"] for name in ("volume.nii.gz", "volume.nrrd")]
        + [[str(root / "picture.png"), "-o", out, "--as", "secondary-capture"], [source, "-o", f"{out}.nii.gz"]],
        "batch": [[str(root / "plan.toml"), "--input", source, "-o", f"{out}-many", "--workers", "1"]],
        "batch-report": [[f"{source}/0.dcm"]],
        "send": [[source, f"{out}-archive"], [source, nowhere, "--timeout", "1"]],
        "fetch": [[nowhere, "-o", out, "--series-uid", "1.2.3", "--timeout", "1"]],
        "echo": [[nowhere, "--timeout", "1"]],
        "archive": [[str(root / "picture.png")]],
        "serve": [[f"{source}/0.dcm", "--to", nowhere], ["--status", "--store", source]],
        "correct": [
            [source, "-o", f"{out}-corrected", "--set", "PatientID=4711"],
            [source, "-o", f"{out}-none", "--remove", "PatientAddress", "--dry-run"],
            [source, "-o", f"{out}-back", "--undo"],
        ],
        "decompress": [[source, "-o", f"{out}-native"], [source, "-o", f"{out}-rle", "--compress", "rle"]],
        "deid-explain": [["PatientID", "--sop-class", "CT"], ["--all"]],
        "deid-check": [[source, source], [source]],
        "deidentify": [[source, "-o", f"{out}-deid"], [source, "-o", f"{out}-none", "--dry-run", "--retain", "uids"]],
        "deid-tokens": [[source], [source, "--json"]],
        "overlay": [
            [source, derived, "-o", out, "--manifest", f"{out}.json"],
            [source, str(root / "volume.nii.gz"), "-o", f"{out}-labels", "--labels", "--contour"],
            [source, source, "-o", f"{out}-none", "--colormap", "none"],
        ],
        "capture": [
            [source, "-o", out, "--captions", "--manifest", f"{out}.json"],
            [source, "-o", f"{out}-named", "--patient", "--layout", "1x2"],
        ],
        "inspect": [[source]],
        "explain": [
            [derived, "--sources", source],
            [derived, "--full"],
            [source, "--full"],
            [source, "--tag", "PatientName"],
        ],
        "diff": [[source, derived], [str(root / "two"), source]],
        "verify": [[derived, "--sources", source], [source]],
        "show": [[source, "-o", f"{out}.png"]],
        "check": [[source], [source, "--all"]],
        "demo": [[str(root / "picture.png")]],
        "completion": [["bash"]],
        "codes": [["blur"]],
        "help": [["check"]],
        "find": [[nowhere, "--timeout", "1"]],
    }
    if command in known:
        return known[command]
    assert command in OPERATIONS, f"{command} has no line here"
    return [[source, "-o", out, *FLAGS.get(command, []), "--manifest", f"{out}.json"]]


OPERATIONS = {c.command for c in commands() if c.module == "operating"}
EVERY = [c.command for c in commands()]


def called(arguments, capfd) -> str:
    with suppress(SystemExit):  # usage
        main(arguments)
    found = capfd.readouterr()
    return found.out + found.err


@pytest.mark.parametrize("flags", [[], ["--json"], ["-v"]], ids=["text", "json", "verbose"])
@pytest.mark.parametrize("command", EVERY)
def test_no_command_shows_what_was_planted(command, flags, places, tmp_path, capfd):
    root, found = places
    sources = ["fine", "two patients"] if flags else ["fine", "two patients", *DECIDING]
    if (
        command not in OPERATIONS | {"inspect", "check", "explain", "verify", "diff"}
        or command in sorted(OPERATIONS)[2:]
    ):
        sources = ["fine"]
    for name in each(sources):
        for number, words in enumerate(lines(command, root, str(found[name]), str(tmp_path / f"o{name[:9]}"))):
            printed = called([command, *words, *flags], capfd)
            shown = [line for line in printed.splitlines() if any(secret in line for secret in SECRETS)]
            assert not shown, (name, number, shown[:3])
    for manifest in tmp_path.glob("*.json"):
        text = manifest.read_text()
        assert not [secret for secret in SECRETS if secret in text], manifest.name


def test_more_than_sixty_are_planted():
    assert len(set(TEXTS)) + 8 >= 60


def test_values_are_shown_to_whoever_asks(places, capfd):
    root, _ = places
    assert "PLANT000X" in called(["explain", str(root / "derived"), "--show-values"], capfd)
    assert "(masked)" in called(["explain", str(root / "derived")], capfd)
    assert "(masked)" in called(["explain", str(root / "derived"), "--full"], capfd)
    assert "PLANT000X" in called(["diff", str(root / "two"), str(root / "fine"), "--show-values"], capfd)
