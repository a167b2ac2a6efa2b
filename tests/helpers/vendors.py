"""Diffusion series as scanners of each vendor write them in single-frame images, by what is documented of them."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from tests.helpers.mosaics import csa
from tests.helpers.sources import make_series

DIRECTIONS = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.6, 0.48, 0.64))


def _ge(dataset, b_value, direction):
    dataset.Manufacturer = "GE MEDICAL SYSTEMS"
    dataset.add_new(0x00190010, "LO", "GEMS_ACQU_01")
    dataset.add_new(0x00430012, "LO", "GEMS_PARM_01")
    for tag, value in zip((0x001910BB, 0x001910BC, 0x001910BD), direction or (0, 0, 0), strict=True):
        dataset.add_new(tag, "DS", f"{value:.6f}")
    dataset.add_new(0x00431239, "IS", [1_000_000_000 + b_value, 8, 0, 0])
    dataset.add_new(0x0043122F, "SS", 0)


def _canon(dataset, b_value, direction):
    dataset.Manufacturer = "CANON_MEC"
    dataset.ImageComments = "b={}({:.3f},{:.3f},{:.3f})".format(b_value, *direction) if direction else None
    dataset.DiffusionBValue = float(b_value) if b_value else None


def _uih(dataset, b_value, direction):
    dataset.Manufacturer = "UIH"
    dataset.add_new(0x00650010, "LO", "Image Private Header")
    dataset.add_new(0x00651009, "FD", float(b_value))
    dataset.add_new(0x00651037, "FD", list(direction or (0.0, 0.0, 0.0)))


def _philips(dataset, b_value, direction):
    dataset.Manufacturer = "Philips Medical Systems"
    dataset.add_new(0x20010010, "LO", "Philips Imaging DD 001")
    dataset.add_new(0x20050010, "LO", "Philips MR Imaging DD 001")
    dataset.add_new(0x20011003, "FL", float(b_value))
    for tag, value in zip((0x200510B0, 0x200510B1, 0x200510B2), direction or (0, 0, 0), strict=True):
        dataset.add_new(tag, "FL", value)


def _siemens(dataset, b_value, direction):
    dataset.Manufacturer = "SIEMENS"
    dataset.add_new(0x00190010, "LO", "SIEMENS MR HEADER")
    dataset.add_new(0x0019100C, "IS", str(b_value))
    if direction:
        dataset.add_new(0x0019100E, "FD", list(direction))


def b_matrix(b_value, direction):
    """xx, xy, xz, yy, yz, zz of one gradient."""
    x, y, z = direction
    return [b_value * v for v in (x * x, x * y, x * z, y * y, y * z, z * z)]


def _csa_of(dataset, **items):
    dataset.Manufacturer = "SIEMENS"
    dataset.add_new(0x00290010, "LO", "SIEMENS CSA HEADER")
    dataset.add_new(0x00291008, "CS", "IMAGE NUM 4")
    dataset.add_new(0x00291010, "OB", csa(**items))


def _siemens_csa(dataset, b_value, direction):
    """As systems before VB have it, and those whose group 0019 was taken out."""
    along = list(direction) if direction else ()
    kind = "DIRECTIONAL" if direction else "NONE"
    weighted = b_matrix(b_value, direction) if direction else ()
    _csa_of(dataset, B_value=b_value, DiffusionDirectionality=kind, DiffusionGradientDirection=along, B_matrix=weighted)


def _siemens_matrix(dataset, b_value, direction):
    dataset.Manufacturer = "SIEMENS"
    dataset.add_new(0x00190010, "LO", "SIEMENS MR HEADER")
    dataset.add_new(0x0019100C, "IS", str(b_value))
    if direction:
        dataset.add_new(0x0019100D, "CS", "DIRECTIONAL")
        dataset.add_new(0x00191027, "FD", b_matrix(b_value, direction))


def _public(manufacturer, zero=0.0):
    """As Toshiba, Hitachi, Bruker, Hyperfine and XA systems of Siemens write single-frame images."""

    def write(dataset, b_value, direction):
        dataset.Manufacturer = manufacturer
        dataset.DiffusionBValue = float(b_value) if direction else zero
        if direction:
            dataset.DiffusionGradientOrientation = list(direction)

    return write


def _ge_before_offset(dataset, b_value, direction):
    _ge(dataset, b_value, direction)
    dataset[0x00431239].value = [b_value, 8, 0, 0]


def _macro(dataset, b_value, direction):
    """As archives leave it that turn multi-frame instances into single-frame ones."""
    dataset.Manufacturer = "UIH"
    item, way = Dataset(), Dataset()
    item.DiffusionBValue, item.DiffusionDirectionality = float(b_value), "DIRECTIONAL" if direction else "NONE"
    if direction:
        way.DiffusionGradientOrientation = list(direction)
        item.DiffusionGradientDirectionSequence = [way]
    dataset.MRDiffusionSequence = [item]


#: What each writes of a b-value and a direction.
VENDORS = {
    "GE": _ge,
    "GE before 2010": _ge_before_offset,
    "Canon": _canon,
    "UIH": _uih,
    "Philips": _philips,
    "Siemens": _siemens,
    "Siemens CSA": _siemens_csa,
    "Siemens matrix": _siemens_matrix,
    "Siemens XA": _public("Siemens Healthineers"),
    "Toshiba": _public("TOSHIBA_MEC", None),
    "Hitachi": _public("Hitachi Medical Corporation"),
    "Bruker": _public("Bruker BioSpin MRI GmbH"),
    "Hyperfine": _public("Hyperfine, Inc."),
    "macro": _macro,
}


def diffusion_series(vendor, cosines, encoded="COL", slices=3, volumes=4):
    """Give data sets of a volume without weighting and of others with, in the words of a vendor."""
    normal = np.cross(*cosines)
    datasets = make_series(
        "MR",
        count=volumes * slices,
        cosines=cosines,
        shape=(16, 16),
        spacing=(1.0, 1.0),
        ImagePositionPatient=lambda k: [float(v) for v in normal * 2.0 * (k % slices)],
        ImageType=["ORIGINAL", "PRIMARY", "OTHER"],
        InPlanePhaseEncodingDirection=encoded,
        SeriesNumber=3,
        AcquisitionNumber=1,
        AcquisitionTime="101010",
        ContentTime="101010",
    )
    for number, dataset in enumerate(datasets):
        volume = number // slices
        VENDORS[vendor](dataset, 1000 if volume else 0, DIRECTIONS[(volume - 1) % 3] if volume else None)
    return datasets
