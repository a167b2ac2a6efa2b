"""Which part of its values each of two series shows, one over the other, where nobody says it.

It stands apart from the operation, which imports it when there is a series to ask: help needs no pydicom.

*2026-12-01, windows.* Of the first series its own window counts, else one that nearly all values are in. Of the second
the same; of counts and uptake, for which windows of files are not made (``classes.tsv``), from 0 to what 999 of 1,000
voxels with any lie below: one hot voxel would make all others dark. What is found is recorded as if it had been asked
for, in ends: a LINEAR window of 40 and 400 goes from -160 to 239 (PS3.3 C.11.2.1.2.1). Of a SIGMOID the line counts
that has its centre and its slope there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from derive.model.classes import target_of
from derive.model.frames import Volumes
from derive.model.grey import Grey, of_series, of_values
from derive.model.segmentation import Segmentation
from derive.model.source import SourceSeries
from derive.model.stacking import quantity_of
from derive.model.volume import Array, Volume
from derive.operations.kit.others import Joined, OtherSeries, each
from derive.pixels.palettes import of_cielab

#: Share of the voxels with uptake that lie below the upper end of its colours, in per cent.
UPTAKE_PERCENT = 99.9
#: Slices that are looked at for that, spread over all of them.
MOST_SLICES = 64


def grey_of(volumes: Volumes) -> tuple[float, float]:
    """Return centre and width, exact, that the first series is shown with."""
    source = volumes.source
    own = None
    if isinstance(source, SourceSeries) and quantity_of(source).units == volumes.quantity.units:
        own = of_series(source, source.geometry.shape[0])
    return _exact(own or of_values(list(_slices(volumes.first))))


def ends_of(other: OtherSeries | Volume) -> tuple[float, float]:
    """Return the values of the first and the last colour that the second series is shown with."""
    if isinstance(other, SourceSeries):
        if target_of(other.sop_class_uid).window == "none":
            return 0.0, _most(other.volumes[0])
        own, volume = of_series(other, other.geometry.shape[0]), other.volumes[0]
    else:
        assert isinstance(other, Volume), "a Segmentation is no series of values"
        own, volume = None, other
    center, width = _exact(own or of_values(list(_slices(volume))))
    return center - width / 2, center + width / 2


def _exact(grey: Grey) -> tuple[float, float]:
    """Say a window by its very ends; of LINEAR they lie half a step further down, and a step nearer (C.11.2.1.2.1)."""
    linear = grey.function == "LINEAR" and grey.width > 1
    return (grey.center - 0.5, grey.width - 1) if linear else (grey.center, grey.width)


def _slices(volume: Volume) -> Iterator[Array]:
    for k in sorted({round(float(k)) for k in np.linspace(0, volume.count - 1, min(volume.count, MOST_SLICES))}):
        yield volume.slab(k, k + 1)


def _most(volume: Volume) -> float:
    """Return what nearly all voxels with uptake lie below; 1 where there is none."""
    values = np.concatenate([found[found > 0] for found in _slices(volume)])
    return float(f"{np.percentile(values, UPTAKE_PERCENT):.4g}") if values.size else 1.0


def dark_is_most(source: Any) -> bool:
    """Whether a series says that its highest values are the darkest."""
    return isinstance(source, SourceSeries) and source.text("PhotometricInterpretation", 0) == "MONOCHROME1"


def shown_inverted(source: Any) -> bool:
    """Whether a series is looked at with its highest values dark: as it says, or as its class is."""
    return isinstance(source, SourceSeries) and (dark_is_most(source) or target_of(source.sop_class_uid).inverted)


def is_labelled(other: Any) -> bool:
    """Whether what is laid over a series says itself that its values are labels."""
    return all(isinstance(one.origin if isinstance(one, Joined) else one, Segmentation) for one in each(other))


def labels_of(other: Joined, beside: Volumes, said: str | None, threshold: float | None) -> Volume:
    """Return the Segment Number at each voxel of a Segmentation, on its own grid or that of a series."""
    segmentation = other.origin
    assert isinstance(segmentation, Segmentation), "nothing else has segments"
    placed = segmentation.on(beside.geometry)
    refs = [ref for k in range(other.of(0).count) for ref in other.of(0).contributors(k)]
    return placed.labelled(placed.chosen(said), refs[0].source, threshold or 0.0)


def colours_of(other: Any) -> dict[int, tuple[int, int, int]]:
    """Return the colours that a Segmentation recommends for its segments (Recommended Display CIELab Value)."""
    items = other.value("SegmentSequence") if isinstance(other, Segmentation) else None
    found = {int(i.SegmentNumber): i.get("RecommendedDisplayCIELabValue") for i in items or ()}
    return {number: of_cielab([int(v) for v in lab]) for number, lab in found.items() if lab and len(lab) == 3}
