"""DICOM Segmentations of the series of :mod:`tests.helpers.sources`, made by highdicom."""

from __future__ import annotations

import numpy as np
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.sr.codedict import codes

from tests.helpers.sources import ROOT

LABELS = ("Liver", "Spleen")


def bodies(shape):
    """Two lopsided bodies in some of the slices, as (slice, row, column, segment)."""
    k, r, c = np.ogrid[: shape[0], : shape[1], : shape[2]]
    one = ((k - 2) ** 2 / 2 + (r - 4) ** 2 / 9 + (c - 5) ** 2 / 16) < 1
    other = ((k - 3) ** 2 / 2 + (r - 8) ** 2 / 9 + (c - 9) ** 2 / 16) < 1
    return np.stack([one, other & ~one], axis=-1).astype(np.uint8)


def segmented(images, pixels, kind="BINARY", **changes):
    """Give a Segmentation; `changes` are attributes of it.

    Parameters
    ----------
    images : sequence of Dataset
    pixels : (slice, row, column, segment)
    kind : {"BINARY", "FRACTIONAL", "LABELMAP"}
    **changes
        A text, or None for an attribute that is taken out.
    """
    described = [
        SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=code,
            algorithm_type="MANUAL",
        )
        for number, (label, code) in enumerate(zip(LABELS, (codes.SCT.Liver, codes.SCT.Spleen), strict=True), 1)
    ]
    made = Segmentation(
        source_images=images,
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=described,
        series_instance_uid=f"{ROOT}.52",
        series_number=50,
        sop_instance_uid=f"{ROOT}.54.1",
        instance_number=1,
        manufacturer="ACME",
        manufacturer_model_name="Segmenter",
        software_versions="1",
        device_serial_number="1",
        max_fractional_value=100,
    )
    for keyword, value in changes.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made
