"""One small source of every kind that is read.

Single frames say what multi-frame images of their modality have to say, so that each can become one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.helpers.cines import make_cine, stored_of
from tests.helpers.coloured import make_coloured, picture_of, series_of
from tests.helpers.mosaics import siemens, uih
from tests.helpers.multi_frame import multi_frame
from tests.helpers.multi_frame_macros import TOP, code, one
from tests.helpers.nuclear import make_nm
from tests.helpers.projections import make_projection
from tests.helpers.sources import AXIAL, make_series
from tests.helpers.vendors import DIRECTIONS, diffusion_series

SLICES = 3
_SAID = {"BurnedInAnnotation": "NO", "LossyImageCompression": "00", "BodyPartExamined": "CHEST"}
#: What multi-frame images of a modality have to say, and single frames may.
SAID = {
    "CT": {**_SAID, "IrradiationEventUID": "1.2.826.0.1.3680043.10.1111.9"},
    "MR": {**_SAID, "ApplicableSafetyStandardAgency": "IEC", "ComplexImageComponent": "MAGNITUDE"},
    "PT": {
        **_SAID,
        **{
            keyword: TOP("PT", False)[keyword].value
            for keyword in (
                "TableMotion",
                "TimeOfFlightInformationUsed",
                "ViewCodeSequence",
                "RadiopharmaceuticalInformationSequence",
            )
        },
        "RadiopharmaceuticalUsageSequence": one(RadiopharmaceuticalAgentNumber=1),
        "PatientOrientationCodeSequence": Sequence([code("102538003", "SCT", "recumbent")]),
        "PatientEquipmentRelationshipCodeSequence": Sequence([code("102540008", "SCT", "headfirst")]),
    },
}


@dataclass(frozen=True)
class Kind:
    """A kind of source.

    Parameters
    ----------
    make : callable () -> list of Dataset
    volumes : int
        How many it has.
    form : {"classic", "enhanced", "legacy-converted"}
    choice : mapping
        Which of its stacks is read.
    """

    make: Callable[[], list[Dataset]]
    volumes: int = 1
    form: str = "classic"
    choice: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def sibling(datasets: list[Dataset]) -> list[Dataset]:
    """Make another series of half the stored values of the same space, for what takes several."""
    for dataset in datasets:
        dataset.SeriesInstanceUID, dataset.SOPInstanceUID = (
            f"{uid}.7" for uid in (dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
        )
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        kind = f"<{'i' if dataset.PixelRepresentation else 'u'}{dataset.BitsAllocated // 8}"
        stored = np.frombuffer(dataset.PixelData, kind)
        dataset.PixelData = (stored // 2).tobytes()
    return datasets


def _single(modality: str, count: int = SLICES, **changes: Any) -> list[Dataset]:
    return make_series(modality, count, **(SAID[modality] | changes))


def _stack(*along_mm: float, shift_mm: float = 0.0) -> list[Dataset]:
    """Give a CT whose slices lie so along the normal, and shift by so much from one to the next."""
    places = {"ImagePositionPatient": lambda k: [-10.5, 20.25 + shift_mm * k, -30.0 + along_mm[k]]}
    return _single("CT", len(along_mm), **places)


def _volumes(modality: str, count: int, **changes: Any) -> list[Dataset]:
    """Give volumes at one place, one after another."""
    places = {"ImagePositionPatient": lambda k: [-10.5, 20.25, -30.0 + 2.0 * (k % SLICES)]}
    return _single(modality, SLICES * count, **(places | changes))


def _pet(kind: str, **changes: Any) -> list[Dataset]:
    return _volumes(
        "PT",
        2,
        SeriesType=[kind, "IMAGE"],
        NumberOfSlices=SLICES,
        ImageIndex=lambda k: k + 1,
        AcquisitionTime=lambda k: f"10200{k // SLICES}",
        **changes,
    )


def _decaying(datasets: list[Dataset]) -> list[Dataset]:
    """Turn stored values about: less with every image, as signals decay with a b-value or an echo time."""
    words = [np.frombuffer(d.PixelData, "<i2" if d.PixelRepresentation else "<u2") for d in datasets]
    most = max(int(each.max()) for each in words)
    for dataset, stored in zip(datasets, words, strict=True):
        turned = (most + 1000 - stored.astype(int)).astype(stored.dtype)
        dataset.PixelData = turned.tobytes()
        if "SmallestImagePixelValue" in dataset:
            dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue = int(turned.min()), int(turned.max())
    return datasets


def _diffusion() -> list[Dataset]:
    return _decaying(_saying(diffusion_series("Siemens", AXIAL, slices=SLICES)))


def _mosaics(make: Callable[..., Dataset], count: int) -> list[Dataset]:
    return _saying([make(5, time=time) for time in range(count)])


def _saying(datasets: list[Dataset]) -> list[Dataset]:
    for dataset in datasets:
        for keyword, value in SAID["MR"].items():
            setattr(dataset, keyword, value)
    return datasets


def _many(modality: str, volumes: int = 1, **form: Any) -> Kind:
    legacy = form.get("legacy", False)
    made = {"slices": SLICES, **form}
    turned = _decaying if {"DiffusionBValue", "EffectiveEchoTime"} & form.get("along", {}).keys() else list
    return Kind(lambda: turned([multi_frame(modality, **made)]), volumes, "legacy-converted" if legacy else "enhanced")


_TIMES = {"TemporalPositionTimeOffset": (0.0, 2.5)}
KINDS = {
    "CT": Kind(lambda: _single("CT")),
    "MR": Kind(lambda: _single("MR")),
    "PET": Kind(lambda: _single("PT", NumberOfSlices=SLICES, FrameReferenceTime=500)),
    "CT that leans": Kind(lambda: _stack(0, 2, 4, 6, shift_mm=0.75)),
    "CT of uneven steps": Kind(lambda: _stack(0, 2, 4.7, 6.7, 8.9)),
    "CT with a gap": Kind(lambda: _stack(0, 2, 6, 8)),
    "Enhanced CT": _many("CT"),
    "Enhanced MR": _many("MR", shuffled=1),
    "Enhanced PET": _many("PT"),
    "Legacy Converted CT": _many("CT", legacy=True),
    "Legacy Converted MR": _many("MR", legacy=True),
    "Legacy Converted PET": _many("PT", legacy=True),
    "MR in time": Kind(
        lambda: _volumes("MR", 2, TemporalPositionIdentifier=lambda k: 1 + k // SLICES, NumberOfTemporalPositions=2),
        2,
    ),
    "diffusion": Kind(_diffusion, 4),
    "echoes at cardiac phases": Kind(
        lambda: _decaying(
            _volumes(
                "MR", 4, EchoTime=lambda k: (12, 24)[k // (2 * SLICES)], TriggerTime=lambda k: (0, 300)[k // SLICES % 2]
            )
        ),
        4,
    ),
    "phases of echoes": Kind(
        lambda: _volumes(
            "MR",
            4,
            EchoTime=lambda k: (12, 24)[k // SLICES % 2],
            ImageType=lambda k: ["ORIGINAL", "PRIMARY", "MP"[k // (2 * SLICES)]],
            ComplexImageComponent=lambda k: ("MAGNITUDE", "PHASE")[k // (2 * SLICES)],
        ),
        2,
        choice=MappingProxyType({"stack": "phase"}),
    ),
    "dynamic PET": Kind(
        lambda: _pet(
            "DYNAMIC",
            NumberOfTimeSlices=2,
            FrameReferenceTime=lambda k: (500, 2000)[k // SLICES],
            ActualFrameDuration=lambda k: (1000, 2000)[k // SLICES],
        ),
        2,
    ),
    "X-ray image": Kind(lambda: [make_cine("RF", stored_of(1, bits=16))]),
    "X-ray cine": Kind(lambda: [make_cine(frames=stored_of(3, bits=16))], 3),
    "X-ray cines": Kind(lambda: [make_cine(frames=stored_of(2, bits=16, seed=n), number=n) for n in (1, 2)], 4),
    "NM, dynamic": Kind(lambda: [make_nm("DYNAMIC", counts={"PhaseVector": 1, "TimeSliceVector": 3})], 3),
    "NM, reconstructed": Kind(lambda: [make_nm("RECON TOMO", counts={"SliceVector": SLICES})]),
    "NM, gated and reconstructed": Kind(
        lambda: [make_nm("RECON GATED TOMO", counts={"TimeSlotVector": 2, "SliceVector": SLICES})], 2
    ),
    "plain CR": Kind(
        lambda: [
            make_projection("CR", number=n, RescaleSlope=0.5, RescaleIntercept=-3, RescaleType="OD") for n in (1, 2)
        ],
        2,
    ),
    "plain DX": Kind(lambda: [make_projection("DX", PhotometricInterpretation="MONOCHROME1")]),
    "plain MG": Kind(lambda: [make_projection("MG raw")]),
    "plain US": Kind(lambda: [make_projection("US")]),
    "plain US cine": Kind(lambda: [make_projection("US cine", BurnedInAnnotation="NO")], 3),
    "plain XC": Kind(lambda: [make_projection("XC")]),
    "plain SC": Kind(lambda: [make_projection("SC")]),
    "coloured US": Kind(lambda: series_of(2, PixelSpacing=[0.2, 0.25]), 2),
    "coloured US cine": Kind(lambda: [make_coloured("US", picture_of(3), PixelSpacing=[0.2, 0.25])], 3),
    "coloured SC": Kind(lambda: [make_coloured("SC", stored_as="RGB by plane", PixelSpacing=[0.2, 0.25])]),
    "gated PET": Kind(
        lambda: _pet(
            "GATED",
            TriggerTime=lambda k: (0, 300)[k // SLICES],
            FrameTime=300,
            NumberOfTimeSlots=2,
            NumberOfRRIntervals=1,
            BeatRejectionFlag="N",
            FrameReferenceTime=500,
        ),
        2,
    ),
    "CT in several times": Kind(
        lambda: _volumes("CT", 2, AcquisitionTime=lambda k: f"10{k // SLICES:02d}0{k % SLICES}"), 2
    ),
    "a mosaic": Kind(lambda: _mosaics(siemens, 1)),
    "mosaics": Kind(lambda: _mosaics(siemens, 2), 2),
    "tiles": Kind(lambda: _mosaics(uih, 2), 2),
    "Enhanced MR, diffusion": _many(
        "MR", 4, along={"DiffusionBValue": (0, *((1000, direction) for direction in DIRECTIONS))}
    ),
    "Enhanced MR, echoes": _many("MR", 2, along={"EffectiveEchoTime": (10.0, 30.0)}, shuffled=1),
    "Enhanced CT in time": _many("CT", 2, along=_TIMES),
    "Enhanced PET in time": _many("PT", 2, along=_TIMES),
    "Legacy Converted MR in time": _many("MR", 2, along=_TIMES, legacy=True),
}
