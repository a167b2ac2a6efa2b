"""Sources whose stored values mean something: multi-energy CT and MR maps, with their Real World Value Mappings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from tests.helpers.instances import code, item
from tests.helpers.sources import make_series

HU = ("[hnsf'U]", "UCUM", "Hounsfield unit")
MG_PER_ML = ("mg/cm3", "UCUM", "mg/cm^3")
MM2_PER_S = ("mm2/s", "UCUM", "mm2/s")
MS = ("ms", "UCUM", "millisecond")
ADC = ("113041", "DCM", "Apparent Diffusion Coefficient")
IODINE = ("44588005", "SCT", "Iodine")


def mapping(
    line: tuple[float, float], ends: tuple[int, int], units: tuple[str, str, str], label: str, **more: Any
) -> Dataset:
    """One item; `quantity` in `more` is the code of its Quantity Definition."""
    quantity = more.pop("quantity", None)
    made = item(LUTExplanation=f"{label} in words", LUTLabel=label, MeasurementUnitsCodeSequence=Items([code(*units)]))
    made.RealWorldValueSlope, made.RealWorldValueIntercept = line
    for keyword, end in zip(("RealWorldValueFirstValueMapped", "RealWorldValueLastValueMapped"), ends, strict=True):
        made.add_new(keyword, "SS" if min(ends) < 0 else "US", end)
    if quantity:
        concept = Items([code("246205007", "SCT", "Quantity")])
        named = item(ValueType="CODE", ConceptNameCodeSequence=concept, ConceptCodeSequence=Items([code(*quantity)]))
        made.QuantityDefinitionSequence = Items([named])
    made.update(item(**more))
    return made


def vmi(**changes: Any) -> list[Dataset]:
    """Virtual monoenergetic images of 70 keV."""
    kev = item(MonoenergeticEnergyEquivalent=70.0)
    mapped = Items([mapping((1.0, -1024.0), (0, 4095), HU, "HU")])
    said = {"MultienergyCTCharacteristicsSequence": Items([kev]), "RealWorldValueMappingSequence": mapped}
    return multi_energy("VMI", **said | changes)


def material(**changes: Any) -> list[Dataset]:
    """An iodine map: its concentration, and the attenuation that it causes."""
    mapped = [
        mapping((0.1, -102.4), (0, 4095), MG_PER_ML, "IODINE", quantity=IODINE),
        mapping((1.0, -1024.0), (0, 4095), HU, "HU"),
    ]
    return multi_energy("MAT_SPECIFIC", **{"RealWorldValueMappingSequence": Items(mapped)} | changes)


def multi_energy(kind: str, **changes: Any) -> list[Dataset]:
    """A multi-energy CT series; value 4 of Image Type says of what kind."""
    said = {
        "ImageType": ["DERIVED", "PRIMARY", "AXIAL", kind],
        "MultienergyCTAcquisition": "YES",
        "MultienergyCTAcquisitionSequence": Items([_acquisition()]),
        "KVP": "",
    }
    return without_overlays(make_series("CT", 4, **said | changes))


def mr_map(terms: Sequence[str], mapped: Sequence[Dataset] = (), **changes: Any) -> list[Dataset]:
    """An MR series of 12 bits whose Image Type ends like this."""
    said: dict[str, Any] = {"ImageType": ["DERIVED", "SECONDARY", *terms], "BitsStored": 12, "HighBit": 11}
    if mapped:
        said["RealWorldValueMappingSequence"] = Items(mapped)
    return without_overlays(make_series("MR", 4, **said | changes))


def without_overlays(datasets: list[Dataset]) -> list[Dataset]:
    """The same without overlays, in which no validator finds anything."""
    for dataset in datasets:
        for tag in [t for t in dataset.keys() if t.group == 0x6000]:  # noqa: SIM118 - iterating decodes
            del dataset[tag]
    return datasets


def saved(folder: Path, datasets: Sequence[Dataset]) -> Path:
    """Write them as files 0.dcm, 1.dcm, ..."""
    folder.mkdir(parents=True)
    for number, dataset in enumerate(datasets):
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def lines(image: Dataset) -> dict[str, tuple[float, float]]:
    """Slope and intercept of each item, by its label."""
    return {i.LUTLabel: (i.RealWorldValueSlope, i.RealWorldValueIntercept) for i in image.RealWorldValueMappingSequence}


def real_world(image: Dataset, label: str) -> np.ndarray:
    """What the stored values of an image mean by the item of a label; NaN outside of what it maps."""
    (found,) = [i for i in image.RealWorldValueMappingSequence if i.LUTLabel == label]
    stored = image.pixel_array.astype(float)
    first, last = found.RealWorldValueFirstValueMapped, found.RealWorldValueLastValueMapped
    assert first <= last
    if "RealWorldValueLUTData" in found:
        table = np.array(found.RealWorldValueLUTData)
        assert len(table) == last - first + 1
        values = table[np.clip(stored - first, 0, len(table) - 1).astype(int)]
    else:
        values = stored * found.RealWorldValueSlope + found.RealWorldValueIntercept
    return np.where((stored >= first) & (stored <= last), values, np.nan)


def _acquisition() -> Dataset:
    both = (1, 2)
    source = {"MultienergySourceTechnique": "CONSTANT_SOURCE", "SourceStartDateTime": "20260102102000"}
    ends = {"SourceEndDateTime": "20260102102010"}
    sources = [item(XRaySourceIndex=i, XRaySourceID=str(i), **source, **ends) for i in both]
    detector = item(XRayDetectorIndex=1, XRayDetectorID="1", MultienergyDetectorType="INTEGRATING")
    path = {"ReferencedXRayDetectorIndex": 1}
    paths = [item(MultienergyCTPathIndex=i, ReferencedXRaySourceIndex=i, **path) for i in both]
    exposure = {"ExposureModulationType": "NONE", "ExposureTimeInms": 100.0, "XRayTubeCurrentInmA": 100.0}
    dose = {"ExposureInmAs": 10.0, "CTDIvol": 1.0}
    rays = {"FocalSpots": 1.0, "FilterType": "NONE", "FilterMaterial": "ALUMINUM"}
    turning = {"RotationDirection": "CW", "RevolutionTime": 0.5, "TableHeight": 1.0, "GantryDetectorTilt": 0.0}
    widths = {"SingleCollimationWidth": 0.6, "TotalCollimationWidth": 38.4, "DataCollectionDiameter": 500.0}
    away = {"DistanceSourceToDetector": 1000.0, "DistanceSourceToDataCollectionCenter": 500.0}
    return item(
        MultienergyCTXRaySourceSequence=Items(sources),
        MultienergyCTXRayDetectorSequence=Items([detector]),
        MultienergyCTPathSequence=Items(paths),
        CTExposureSequence=Items([item(ReferencedXRaySourceIndex=i, **exposure, **dose) for i in both]),
        CTXRayDetailsSequence=Items([item(ReferencedPathIndex=i, KVP=80.0 + i, **rays) for i in both]),
        CTAcquisitionDetailsSequence=Items([item(ReferencedPathIndex=i, **turning, **widths) for i in both]),
        CTGeometrySequence=Items([item(ReferencedPathIndex=i, **away) for i in both]),
    )
