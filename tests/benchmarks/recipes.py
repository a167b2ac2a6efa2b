"""The other side: what one would write without derive, each a whole process.

``python tests/benchmarks/recipes.py JOB SOURCE TARGET``. Written after the pattern that SimpleITK's documentation
shows for a series that is read, changed and written again: the reader keeps the attributes of each slice, and every
slice goes to a file of its own with those that are to stay. Nothing is checked, and nothing recorded but two texts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import SimpleITK as sitk  # noqa: N813 - its customary name

#: Attributes of the patient and the study, which stay.
KEPT = [
    *("0010|0010", "0010|0020", "0010|0030", "0010|0040", "0020|000d", "0020|0010", "0020|0052"),
    *("0008|0020", "0008|0030", "0008|0050", "0008|0060", "0008|1030", "0018|5100"),
]
SIGMA_MM, SPACING_MM, SLAB_MM = 1.0, 1.0, 10.0


def read_series(folder: str) -> tuple[sitk.Image, sitk.ImageSeriesReader]:
    """Read a series with the attributes of each slice."""
    reader = sitk.ImageSeriesReader()
    (series,) = reader.GetGDCMSeriesIDs(folder)
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder, series))
    reader.MetaDataDictionaryArrayUpdateOn()
    reader.LoadPrivateTagsOn()
    return reader.Execute(), reader


def write_series(image: sitk.Image, reader: sitk.ImageSeriesReader, what: str, folder: str) -> None:
    """Write every slice with the attributes that stay and those that are new."""
    Path(folder).mkdir()
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    date, clock = time.strftime("%Y%m%d"), time.strftime("%H%M%S")
    direction = image.GetDirection()
    tags = [(key, reader.GetMetaData(0, key)) for key in KEPT if reader.HasMetaDataKey(0, key)]
    tags += [
        ("0008|0031", clock),
        ("0008|0021", date),
        ("0008|0008", "DERIVED\\SECONDARY"),
        ("0020|000e", f"1.2.826.0.1.3680043.2.1125.{date}.1{clock}"),
        ("0020|0037", "\\".join(str(direction[i]) for i in (0, 3, 6, 1, 4, 7))),
        ("0008|103e", f"{reader.GetMetaData(0, '0008|103e')} {what}"),
    ]
    for index in range(image.GetDepth()):
        plane = image[:, :, index]
        for key, value in tags:
            plane.SetMetaData(key, value)
        plane.SetMetaData("0008|0012", time.strftime("%Y%m%d"))
        plane.SetMetaData("0008|0013", time.strftime("%H%M%S"))
        plane.SetMetaData("0020|0032", "\\".join(map(str, image.TransformIndexToPhysicalPoint((0, 0, index)))))
        plane.SetMetaData("0020|0013", str(index))
        writer.SetFileName(str(Path(folder) / f"{index}.dcm"))
        writer.Execute(plane)


def blur(image: sitk.Image) -> sitk.Image:
    """Gaussian of 1 mm, truncated by its own rule."""
    return sitk.Cast(sitk.DiscreteGaussian(sitk.Cast(image, sitk.sitkFloat32), SIGMA_MM**2), image.GetPixelID())


def resample(image: sitk.Image) -> sitk.Image:
    """Voxels of 1 mm, linear."""
    size = [round(n * s / SPACING_MM) for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    return sitk.Resample(
        image,
        size,
        sitk.Transform(),
        sitk.sitkLinear,
        image.GetOrigin(),
        [SPACING_MM] * 3,
        image.GetDirection(),
        -1000,
        image.GetPixelID(),
    )


def mip(image: sitk.Image) -> sitk.Image:
    """Largest value of slabs of 10 mm, one every slice."""
    planes = round(SLAB_MM / image.GetSpacing()[2])
    slabs = [
        sitk.MaximumProjection(image[:, :, first : min(first + planes, image.GetDepth())], 2)[:, :, 0]
        for first in range(image.GetDepth() - planes + 1)
    ]
    made = sitk.JoinSeries(slabs)
    made.SetSpacing(image.GetSpacing())
    made.SetOrigin(image.TransformContinuousIndexToPhysicalPoint((0, 0, (planes - 1) / 2)))
    made.SetDirection(image.GetDirection())
    return made


def reformat(image: sitk.Image) -> sitk.Image:
    """Oblique planes of 1 mm that hold the whole volume, linear."""
    cosine = 0.5**0.5
    direction = (1.0, 0.0, 0.0, 0.0, cosine, cosine, 0.0, -cosine, cosine)
    axes = [direction[axis::3] for axis in range(3)]
    size = image.GetSize()
    ends = [(x, y, z) for x in (0, size[0] - 1) for y in (0, size[1] - 1) for z in (0, size[2] - 1)]
    corners = [image.TransformIndexToPhysicalPoint(end) for end in ends]
    along = [[sum(a * c for a, c in zip(axis, corner, strict=True)) for corner in corners] for axis in axes]
    first = [sum(axis[k] * min(span) for axis, span in zip(axes, along, strict=True)) for k in range(3)]
    counts = [round((max(span) - min(span)) / SPACING_MM) + 1 for span in along]
    return sitk.Resample(
        image,
        counts,
        sitk.Transform(),
        sitk.sitkLinear,
        first,
        [SPACING_MM] * 3,
        direction,
        -1000,
        image.GetPixelID(),
    )


def subtract(image: sitk.Image, other: sitk.Image) -> sitk.Image:
    """Difference of two series, in 16 bits if it fits."""
    return sitk.Cast(sitk.Cast(image, sitk.sitkInt32) - sitk.Cast(other, sitk.sitkInt32), sitk.sitkInt16)


#: Jobs of several series; the others take one.
OF_SEVERAL = {"subtract": subtract}
JOBS: dict[str, Callable[[sitk.Image], sitk.Image]] = {
    "blur": blur,
    "resample": resample,
    "mip": mip,
    "reformat": reformat,
}


def main(job: str, source: str, *others_and_target: str) -> None:
    """Read, change, write."""
    *others, target = others_and_target
    image, reader = read_series(source)
    if job in OF_SEVERAL:
        result = OF_SEVERAL[job](image, *(read_series(other)[0] for other in others))
    else:
        result = JOBS[job](image)
    write_series(result, reader, job, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
