"""A class that can be read and made is a row of the tables, and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from derive.errors import SourceError, UsageError
from derive.model.classes import class_for, made_class_uids, target_of
from derive.pixels.encode import PixelFormat
from tests.helpers.instances import CLASSES
from tests.house.test_layers import ROOT

NEW_UID = "1.2.840.10008.5.1.4.1.1.9999"
#: Makes a series of the class of numbers, reads it, derives another one, and checks both.
PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
import derive
from derive.operations import gaussian_blur

folder = Path(sys.argv[1])
ball = np.indices((6, 8, 8)).sum(axis=0).astype(np.float32)
patient, study = derive.Patient("PH01", "Phantom^A"), derive.Study(description="Sim")
made = derive.convert(ball, modality="ZZ", spacing_xyz=1.0, orientation="LPS", patient=patient, study=study,
                      original=True, set={"PatientPosition": "HFS", "KVP": "100"})
made.write(folder / "made")
source = derive.read(folder / "made")
derived = derive.build(source, gaussian_blur(sigma_mm=1))
derived.write(folder / "derived")
print(json.dumps({
    "package": str(Path(derive.__file__).parent.parent),
    "class": source.sop_class_uid,
    "modality": [str(d.Modality) for d in derived.instances()],
    "units": derive.stack(source).quantity.units,
    "image_type": [list(d.ImageType) for d in derived.instances()][0],
    "made": [str(f) for f in derive.check(folder / "made").errors],
    "derived": [str(f) for f in derive.check(folder / "derived").errors],
    "warned": sorted({f.path for f in derive.check(folder / "derived").warnings}),
}))
"""


def rows_of(path: Path, first: str) -> list[list[str]]:
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line[0] == first]


def add_class(copy: Path) -> None:
    """Add a class to the tables: the IOD, as the standard would state it, and one row of ours."""
    iods, classes = copy / "derive/standard/iods.tsv", copy / "derive/model/classes.tsv"
    uses = [
        ["zebra-image", NEW_UID, *use[2:]] for use in rows_of(iods, "ct-image") if use[3] != "multi-energy-ct-image"
    ]
    assert len(uses) > 15
    header = classes.read_text(encoding="utf-8").splitlines()[0].split("\t")
    (ct,) = rows_of(classes, CLASSES["CT"])
    row = dict(zip(header, ct, strict=True)) | {"sop_class_uid": NEW_UID, "modality": "ZZ", "units": "1", "fill": "0"}
    for path, added in ((iods, uses), (classes, [list(row.values())])):
        with path.open("a", encoding="utf-8") as table:
            table.writelines("\t".join(line) + "\n" for line in added)


def test_a_class_of_one_row_is_made_read_derived_and_checked(tmp_path):
    for package in ("derive", "codes"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    add_class(tmp_path)
    program = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    run = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert found == {
        "package": str(tmp_path),
        "class": NEW_UID,
        "modality": ["ZZ"] * 6,
        "units": "US",
        "image_type": ["DERIVED", "SECONDARY", "AXIAL"],
        "made": [],
        "derived": [],
        "warned": ["Modality"],  # ZZ is no term of the standard
    }


@pytest.mark.parametrize(
    ("bits", "samples", "stored"), [(1, 1, "bit"), (8, 1, "int8"), (16, 1, "int16"), (8, 3, "rgb8")]
)
def test_pages_become_the_class_that_stores_them(bits, samples, stored):
    target = target_of(class_for("multi-frame-secondary-capture", "OT", PixelFormat(bits, samples)), drawn=True)
    assert (target.stored, target.container) == (stored, "pages")


def test_what_no_class_takes_is_refused():
    with pytest.raises(UsageError, match="OPT-MODALITY"):
        class_for("volume", "ZZ")
    with pytest.raises(UsageError, match="OPT-MODALITY"):
        class_for("multi-frame-secondary-capture", "OT", PixelFormat(16, 3))
    with pytest.raises(SourceError, match="SRC-CLASS"):
        target_of(NEW_UID)


def test_units_are_said_by_the_class_unless_they_have_to_be_given():
    units = {target_of(uid).modality: (target_of(uid).units, target_of(uid).unspecified) for uid in made_class_uids()}
    own = {"CT": ("HU", "US"), "PT": ("", ""), "CR": ("US", "US")}
    assert units == dict.fromkeys(units, ("1", "1")) | own
