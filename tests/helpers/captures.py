"""Pictures of every form that become Secondary Captures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from PIL import Image

import derive
from tests.helpers.sources import AXIAL

SINGLE, MULTI = "secondary-capture", "multi-frame-secondary-capture"
KINDS = (SINGLE, MULTI)
PATIENT = derive.Patient("PH01", "Phantom^A")
STUDY = derive.Study(description="Pictures")
NOW = datetime(2026, 3, 4, 5, 6, 7)
ROOT = "1.2.840.10008.5.1.4.1.1.7"
#: By form: class of several frames, bits, and how a pixel is described.
FORMS = {
    "bits": (f"{ROOT}.1", 1, 1, "MONOCHROME2"),
    "bytes": (f"{ROOT}.2", 8, 1, "MONOCHROME2"),
    "words": (f"{ROOT}.3", 16, 1, "MONOCHROME2"),
    "colours": (f"{ROOT}.4", 8, 3, "RGB"),
}
#: An odd count of bytes, and of bits no multiple of 8; whole bytes a row; and the least there is.
SIZES = ((7, 9), (6, 16), (1, 1))
ALPHA = "its alpha was composited over black: value * alpha / 255, rounded to the nearest"
COLOURED, GREYED = "its palette was expanded to R G B", "its palette of greys was expanded to grey"


def noise(form: str, count: int, rows: int, columns: int) -> np.ndarray:
    """Pages that differ from each other, with the extremes in the last one."""
    rng = np.random.default_rng([count, rows, columns])
    shape = (count, rows, columns, *([3] if form == "colours" else []))
    if form == "bits":
        return rng.random(shape) < 0.4
    highest = 65535 if form == "words" else 255
    pages = rng.integers(1, highest, shape, dtype=np.uint16 if form == "words" else np.uint8)
    pages[-1, -1, -1] = highest
    return pages


@dataclass(frozen=True, eq=False)
class Case:
    """Pictures as they should be stored, and what makes a source of them in a folder."""

    form: str
    pages: np.ndarray
    source: Callable[[Path], Any]
    notes: tuple[str, ...] = ()
    lossy: bool = False

    def stored(self, kind: str) -> np.ndarray:
        """Black and white is stored as bits where there is a class for it."""
        return self.pages * np.uint8(255) if self.form == "bits" and kind == SINGLE else self.pages

    def form_of(self, kind: str) -> str:
        return "bytes" if self.form == "bits" and kind == SINGLE else self.form


def saved(name: str, *images: Image.Image, **options: Any) -> Callable[[Path], Path]:
    def save(folder: Path) -> Path:
        images[0].save(
            folder / name, **options, **({"save_all": True, "append_images": images[1:]} if images[1:] else {})
        )
        return folder / name

    return save


def numpy_file(array: np.ndarray) -> Callable[[Path], Path]:
    def save(folder: Path) -> Path:
        np.save(folder / "a.npy", array)
        return folder / "a.npy"

    return save


def tiff(pages: np.ndarray) -> Callable[[Path], Path]:
    return saved("a.tif", *[Image.fromarray(page) for page in pages])


def case_of_arrays(form: str, count: int, rows: int, columns: int) -> Case:
    pages = noise(form, count, rows, columns)
    return Case(form, pages, tiff(pages) if form == "colours" else lambda folder: pages)


def palette_case(form: str, note: str) -> Case:
    indices = noise("bytes", 1, 7, 9)
    table = np.random.default_rng(5).integers(0, 256, (256, 3 if form == "colours" else 1), dtype=np.uint8)
    table = np.broadcast_to(table, (256, 3))
    image = Image.frombytes("P", (9, 7), indices.tobytes())
    image.putpalette(table.tobytes())
    pages = table[indices]
    return Case(form, pages if form == "colours" else pages[..., 0], saved("a.png", image), (note,))


def alpha_case(form: str) -> Case:
    values, alpha = noise(form, 1, 7, 9)[0], noise("bytes", 1, 9, 7)[0].reshape(7, 9)
    alpha[0, :3] = (0, 1, 255)
    whole = np.dstack([values, alpha])
    wanted = np.rint((values.T * (alpha.T / 255.0)).T).astype(np.uint8)
    mode = "RGBA" if form == "colours" else "LA"
    image = Image.frombytes(mode, (9, 7), whole.tobytes())
    return Case(form, wanted[None], saved("a.png", image), (ALPHA,))


def jpeg_case(form: str) -> Case:
    down, along = np.mgrid[0:33, 0:47]
    grey = (down * 4 + along * 2).astype(np.uint8)
    image = Image.fromarray(grey if form == "bytes" else np.dstack([grey, grey[::-1], grey[:, ::-1]]))
    file = BytesIO()
    image.save(file, "JPEG", quality=80)
    with Image.open(file) as decoded:
        pages = np.array(decoded)[None]
    return Case(form, pages, saved("a.jpg", image, quality=80), lossy=True)


def single(form: str, name: str) -> Case:
    pages = noise(form, 1, 7, 9)
    return Case(form, pages, saved(name, Image.fromarray(pages[0])))


WORDS = noise("words", 2, 7, 9)
CASES: dict[str, Case] = {
    **{
        f"{form}-{count}x{rows}x{columns}": case_of_arrays(form, count, rows, columns)
        for form in FORMS
        for count, (rows, columns) in ((1, SIZES[0]), (2, SIZES[0]), (5, SIZES[0]), (3, SIZES[1]), (2, SIZES[2]))
    },
    **{f"{form}-{suffix}": single(form, f"a.{suffix}") for form in FORMS for suffix in ("png", "tif")},
    "bytes-bmp": single("bytes", "a.bmp"),
    "colours-bmp": single("colours", "a.bmp"),
    **{
        f"{form}-{count}-tiff": Case(form, noise(form, count, 7, 9), tiff(noise(form, count, 7, 9)))
        for form in ("bits", "bytes", "words")
        for count in (2, 5)
    },
    **{
        f"{form}-npy": Case(form, noise(form, 2, 7, 9), numpy_file(noise(form, 2, 7, 9)))
        for form in ("bits", "bytes", "words")
    },
    "words-big-endian-npy": Case("words", WORDS, numpy_file(WORDS.astype(">u2"))),
    "words-fortran-npy": Case("words", WORDS, numpy_file(np.asfortranarray(WORDS))),
    "words-int64-npy": Case("words", WORDS, numpy_file(WORDS.astype(np.int64))),
    "words-int16-npy": Case("words", WORDS // 2, numpy_file((WORDS // 2).astype(np.int16))),
    "bytes-alpha": alpha_case("bytes"),
    "colours-alpha": alpha_case("colours"),
    "bytes-palette": palette_case("bytes", GREYED),
    "colours-palette": palette_case("colours", COLOURED),
    "bytes-jpeg": jpeg_case("bytes"),
    "colours-jpeg": jpeg_case("colours"),
}


def convert(source: Any, kind: str, burned: str = "NO", **options: Any) -> derive.DerivedSeries:
    settings = {"BurnedInAnnotation": burned, **options.pop("set", {})}
    if "reference" not in options:
        options = {"patient": PATIENT, "study": STUDY, **options}
    return derive.convert(source, kind=kind, set=settings, timestamp=NOW, **options)


def instances(report: derive.Report) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(file) for file in report.files]


def pixels(datasets: list[pydicom.Dataset], kind: str) -> np.ndarray:
    """All pages (page, row, column[, 3]) of what was written."""
    if kind == SINGLE:
        return np.stack([d.pixel_array for d in datasets])
    (dataset,) = datasets
    return dataset.pixel_array[None] if dataset.NumberOfFrames == 1 else dataset.pixel_array


every_case = pytest.mark.parametrize("name", CASES)
every_kind = pytest.mark.parametrize("kind", KINDS)
every_form = pytest.mark.parametrize("form", FORMS)


def axes(cosines) -> list[float]:
    """Direction of ITK: one matrix column an axis."""
    row, column = map(np.array, cosines)
    return np.stack([row, column, np.cross(row, column)], axis=1).ravel().tolist()


def volume(shape=(6, 12, 14), spacing=(1.0, 1.25, 2.0), cosines=AXIAL, samples=3) -> sitk.Image:
    """An image of noise whose first voxel is that of `make_series`."""
    size = (*shape, 3) if samples == 3 else shape
    values = np.random.default_rng(shape).integers(0, 256, size, dtype=np.uint8)
    image = sitk.GetImageFromArray(values, isVector=samples == 3)
    image.SetSpacing(spacing)
    image.SetOrigin((-10.5, 20.25, -30.0))
    image.SetDirection(axes(cosines))
    return image


def array(values: Any, dtype: str) -> Callable[[Path], np.ndarray]:
    return lambda folder: np.array(values, dtype)
