"""Synthetic images in which slices lie side by side, as scanners of two vendors write them.

Tiles tell where they are from: the stored values of slice `k` of time `t` are those of :func:`tile_of`.
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from derive.elements.csa import Csa, CsaTag, pack_csa
from derive.model.geometry import triple
from tests.helpers.multi_frame import frames_items, multi_frame, shared_item
from tests.helpers.sources import make_series

SHAPE, SPACING, STEP, FIRST_MM = (12, 10), (2.5, 2.0), 4.5, (-31.0, 12.5, -40.0)
#: Rows and columns of a plane that is tilted about two axes.
DOUBLE_OBLIQUE = ((0.8, 0.6, 0.0), (-0.36, 0.48, 0.8))
_AXES = ("Sag", "Cor", "Tra")


def tile_of(number, time=0):
    """Stored values of a slice, from 0."""
    return (np.arange(SHAPE[0] * SHAPE[1]).reshape(SHAPE) + 1000 * number + 200 * time + 7).astype("<u2")


def normal_of(sense=1, cosines=DOUBLE_OBLIQUE):
    """The way the slices go."""
    return sense * np.cross(*cosines)


def place_of(number, sense=1):
    """Where a slice has its first pixel."""
    return np.array(FIRST_MM) + normal_of(sense) * STEP * number


def _side(slices):
    return int(np.ceil(np.sqrt(slices)))


def mosaic_values(slices, time=0):
    """The pixels of the whole image."""
    side = _side(slices)
    whole = np.zeros((side * SHAPE[0], side * SHAPE[1]), "<u2")
    for k in range(slices):
        row, column = k // side * SHAPE[0], k % side * SHAPE[1]
        whole[row : row + SHAPE[0], column : column + SHAPE[1]] = tile_of(k, time)
    return whole


def _corner(slices):
    """Where the first slice would begin if it filled the whole image."""
    rows, columns = (np.array(c) for c in DOUBLE_OBLIQUE)
    half = (_side(slices) - 1) / 2
    return np.array(FIRST_MM) - rows * SPACING[1] * SHAPE[1] * half - columns * SPACING[0] * SHAPE[0] * half


def protocol(slices, sense=1, step=STEP):
    """The slices of a measurement as its protocol has them; what is zero is left out."""
    rows, columns = (np.array(c) for c in DOUBLE_OBLIQUE)
    middle = rows * SPACING[1] * (SHAPE[1] - 1) / 2 + columns * SPACING[0] * (SHAPE[0] - 1) / 2
    lines = [f"sSliceArray.lSize\t = \t{slices}", "sSliceArray.ucMode\t = \t0x4", "sKSpace.ucDimension\t = \t2"]
    for k in range(slices):
        position = np.array(FIRST_MM) + normal_of(sense) * step * k + middle
        lines += [
            f"sSliceArray.asSlice[{k}].sPosition.d{axis}\t = \t{value:.10g}"
            for axis, value in zip(_AXES, position, strict=True)
            if abs(value) > 1e-9
        ]
    return "### ASCCONV BEGIN ###\n" + "\n".join(lines) + "\n### ASCCONV END ###"


def csa(**items):
    """A CSA header with some items."""
    tags = []
    for name, value in items.items():
        values = [value] if isinstance(value, str | int) else list(value)
        texts = tuple(f"{v:.8f}".encode() if isinstance(v, float) else str(v).encode() for v in values)
        padded = tuple(t + b"\0" for t in texts)
        tags.append(CsaTag(name, "UN", len(values), 6, padded))
    return pack_csa(Csa(2, tuple(tags)))


def classic(slices=7, *, time=0, sense=1, **changes):
    """An image of a class of single frames that holds a volume, without a word of how."""
    side = _side(slices)
    shape = (side * SHAPE[0], side * SHAPE[1])
    position = [float(v) for v in np.round(_corner(slices), 8)]
    (dataset,) = make_series("MR", 1, shape=shape, cosines=DOUBLE_OBLIQUE, spacing=SPACING, **changes)
    dataset.ImagePositionPatient, dataset.SpacingBetweenSlices, dataset.SliceThickness = position, STEP, STEP - 0.5
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.10.1111.4.{time + 1}"
    dataset.AcquisitionNumber = dataset.InstanceNumber = time + 1
    dataset.AcquisitionTime, dataset.ContentTime = f"1021{2 * time:02d}", f"1022{2 * time:02d}"
    dataset.Manufacturer, dataset.AcquisitionMatrix = "SIEMENS", [SHAPE[0], 0, 0, SHAPE[1]]
    dataset.PixelData = mosaic_values(slices, time).tobytes()
    dataset.preamble = bytes(128)
    return dataset


def siemens(slices=7, *, time=0, sense=1, told=("count", "normal", "protocol"), block=0x10):
    """A mosaic with a CSA header that tells some things."""
    dataset = classic(slices, time=time)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    image = {"NumberOfImagesInMosaic": slices} if "count" in told else {"EchoLinePosition": 5}
    if "normal" in told:
        image["SliceNormalVector"] = [float(v) for v in normal_of(sense)]
    series = {"MrPhoenixProtocol": protocol(slices, sense)} if "protocol" in told else {"MrProtocolVersion": 1}
    dataset.add_new((0x0029, block), "LO", "SIEMENS CSA HEADER")
    dataset.add_new((0x0029, block << 8 | 0x10), "OB", csa(**image))
    dataset.add_new((0x0029, block << 8 | 0x20), "OB", csa(**series))
    return dataset


def uih(slices=7, *, time=0, sense=1, block=0x10, creator="Image Private Header"):
    """A tiled image whose slices have an item each."""
    dataset = classic(slices, time=time)
    dataset.ImageType, dataset.Manufacturer = ["ORIGINAL", "PRIMARY", "M", "VFRAME"], "UIH"
    dataset.add_new((0x0065, block), "LO", creator)
    dataset.add_new((0x0065, block << 8 | 0x50), "DS", str(slices))
    dataset.add_new((0x0065, block << 8 | 0x51), "SQ", Sequence([_uih_item(k, sense, time) for k in range(slices)]))
    return dataset


def _uih_item(number, sense, time):
    item = Dataset()
    item.ImagePositionPatient = list(triple(np.round(place_of(number, sense), 8)))
    item.AcquisitionTime, item.SliceLocation = f"1021{2 * time:02d}.{number:03d}", STEP * number
    return item


def xa_private(slices, sense=1, creators=True):
    """The private attributes of an XA system, as they stand in its macros: those of the series, those of the frame."""
    series, frame = Dataset(), Dataset()
    for dataset, block, creator in ((series, 0x10, "SIEMENS MR SDS 01"), (frame, 0x11, "SIEMENS MR SDI 02")):
        dataset.add_new((0x0021, block), "LO", creator)
    series.add_new((0x0021, 0x1019), "OB", protocol(slices, sense).encode() + b"\0")
    frame.add_new((0x0021, 0x1175), "CS", ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"])
    return series, frame


def xa_classic(slices=7, *, time=0, sense=1):
    """A mosaic of an XA system in a class of single frames: no CSA header."""
    dataset = classic(slices, time=time)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    for private in xa_private(slices, sense):
        dataset.update({e.tag: e for e in private})
    return dataset


def xa_enhanced(slices=7, *, sense=1, number=1):
    """An Enhanced MR Image of one frame that is a mosaic, of a certain second; only private macros say so."""
    side = _side(slices)
    shape = (side * SHAPE[0], side * SHAPE[1])
    dataset = multi_frame(
        "MR", slices=1, shape=shape, spacing=SPACING, step=STEP, orientations=[DOUBLE_OBLIQUE], shared=True
    )
    (own,), shared = frames_items(dataset), shared_item(dataset)
    for groups in (own, shared):
        if "MRFOVGeometrySequence" in groups:
            groups.MRFOVGeometrySequence[0].MRAcquisitionFrequencyEncodingSteps = min(SHAPE)
        if "PixelMeasuresSequence" in groups:
            groups.PixelMeasuresSequence[0].SpacingBetweenSlices = STEP
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.10.1111.5.{number}"
    dataset.InstanceNumber = number
    own.FrameContentSequence[0].FrameAcquisitionDateTime = f"202601021021{number:02d}"
    own.PlanePositionSequence[0].ImagePositionPatient = [float(v) for v in np.round(_corner(slices), 8)]
    for groups, private in zip((shared, own), xa_private(slices, sense), strict=True):
        (creator,) = (e for e in private if e.VR == "LO")
        groups.add(creator)
        groups.add_new(((0x0021), creator.tag.element << 8 | 0xFE), "SQ", Sequence([private]))
    dataset.PixelData = mosaic_values(slices).tobytes()
    return dataset
