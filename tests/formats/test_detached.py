"""Files that a header names as its data lie beside it or below."""

from __future__ import annotations

import os

import numpy as np
import pytest

from derive.formats import open_file
from tests.helpers.asserting import raises_code
from tests.helpers.foreign_files import SMALL

META = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nDimSize = 2 3 4\n"
META += "ElementSpacing = 1 1 1\nElementType = MET_SHORT\n"
NRRD = "NRRD0004\ntype: short\ndimension: 3\nsizes: 2 3 4\nendian: little\nencoding: raw\n"
FIELDS = {".mhd": META + "ElementDataFile = ", ".nhdr": NRRD + "data file: "}
#: What a field may name, from the folder of the header; ``{out}`` is the folder above.
LEAD_OUT = {
    "absolute": "{out}/secret.raw",
    "climbing": "../secret.raw",
    "climbing from below": "below/../../secret.raw",
    "of Windows": "..\\secret.raw",
    "a drive": "C:\\secret.raw",
    "link": "link.raw",
    "through a link to a folder": "away/secret.raw",
    "list": "LIST\nslice0.raw\n../secret.raw\nslice2.raw\nslice3.raw",
    "list of absolute": "LIST\nslice0.raw\nslice1.raw\nslice2.raw\n{out}/secret.raw",
    "pattern": "../secret%d.raw 0 3 1",
    "absolute pattern": "{out}/secret%01d.raw 0 3 1",
    "pattern into a link": "away/secret%d.raw 0 3 1",
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret.raw").write_bytes(SMALL.tobytes())
    inside = tmp_path / "in"
    (inside / "below").mkdir(parents=True)
    (inside / "link.raw").symlink_to(tmp_path / "secret.raw")
    (inside / "away").symlink_to(tmp_path)
    for k in range(4):
        (tmp_path / f"secret{k}.raw").write_bytes(SMALL[k].tobytes())
        (inside / f"slice{k}.raw").write_bytes(SMALL[k].tobytes())
    return inside


def header(folder, suffix, named):
    path = folder / f"v{suffix}"
    path.write_text(f"{FIELDS[suffix]}{named}\n")
    return path


@pytest.mark.parametrize("suffix", FIELDS)
@pytest.mark.parametrize("named", LEAD_OUT.values(), ids=LEAD_OUT)
def test_data_that_lie_elsewhere_are_refused_by_name(named, suffix, folder):
    path = header(folder, suffix, named.format(out=folder.parent))
    with raises_code("SRC-OUTSIDE") as caught:
        open_file(path)
    assert path.name in caught.value.message
    assert str(folder.parent) not in caught.value.message


@pytest.mark.parametrize("suffix", FIELDS)
@pytest.mark.parametrize("named", ["all.raw", "below/all.raw", "./all.raw", "to.raw", "LIST", "slice%d.raw 0 3 1"])
def test_data_beside_and_below_are_read_and_remembered_as_files_of_the_source(named, suffix, folder):
    for place in (folder, folder / "below"):
        (place / "all.raw").write_bytes(SMALL.tobytes())
    (folder / "to.raw").symlink_to("all.raw")
    several = named == "LIST" or "%" in named
    lines = "".join(f"\nslice{k}.raw" for k in range(4)) if named == "LIST" else ""
    samples = open_file(header(folder, suffix, named + lines))
    np.testing.assert_array_equal(samples.array[..., 0], SMALL.T)
    assert len(samples.files) == (5 if several else 2)


@pytest.mark.parametrize("suffix", FIELDS)
@pytest.mark.parametrize(
    "named", ["slice%s.raw 0 3 1", "slice%d%n.raw 0 3 1", "slice%d.raw 0 3 0", "slice%d.raw 0 x 1"]
)
def test_patterns_that_are_none_are_refused(named, suffix, folder):
    with raises_code("SRC-DAMAGED"):
        open_file(header(folder, suffix, named))


@pytest.mark.parametrize("suffix", FIELDS)
def test_data_that_are_no_file_are_not_waited_for(suffix, folder):
    os.mkfifo(folder / "pipe.raw")
    with raises_code("SRC-UNREADABLE"):
        open_file(header(folder, suffix, "pipe.raw"))
    with raises_code("SRC-MISSING"):
        open_file(header(folder, suffix, "gone.raw"))
