"""Image Type and the plane of one instance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from derive import standard
from derive.checking.finding import Finding
from derive.checking.instance import Judged
from derive.checking.judge import reads
from derive.elements.element import tag_of
from derive.elements.instance import State
from derive.model.geometry import normal_of
from derive.model.orientation import COSINE_TOLERANCE, ORIENTATION_MM, orthonormal, reach_mm, skew_of, turned_mm
from derive.told.secrecy import shown_term

#: Scanners round the diameter, and some give that of the circle that fits in the matrix less a pixel.
_DIAMETER_TOLERANCE = 0.02
_TILT_TOLERANCE_DEGREES = 1.0
#: How far written cosines may be off unit length and a right angle: less than dciodvfy objects to (0.00005).
_WRITTEN_TOLERANCE = 2e-5


@reads("ImageType")
def _image_type(instance: Judged) -> Iterator[Finding]:
    values = instance.texts("ImageType")
    rules = standard.values(instance.iod.name, "ImageType")
    rule = next((r for r in rules if r.value_number == 3), None)
    if not values or rule is None:
        return
    terms = rule.values
    third = values[2] if len(values) > 2 else ""
    needed = instance.target is None or any(instance.target.value_3.values())  # ultrasound may say what was looked at
    if not third and needed:
        yield instance.find("CHK-IMAGETYPE", "ImageType", f"has no value 3; wanted one of {', '.join(terms)}")
    elif third and third not in terms and not _is_sources(instance, rule):
        message = (
            f"has the value 3 {shown_term(third, standard.known_terms())}; the defined terms are {', '.join(terms)}"
        )
        yield instance.find("CHK-IMAGETYPE-TERM", "ImageType", message)


def _is_sources(instance: Judged, rule: standard.ValueRule) -> bool:
    """Whether value 3 is what a source says of itself, whatever it becomes, and may be another than the listed ones."""
    return instance.target is not None and bool(instance.target.value_3_tells) and rule.kind == "defined"


@reads("ImageType", "MultienergyCTAcquisition", "RealWorldValueMappingSequence")
def _multi_energy(instance: Judged) -> Iterator[Finding]:
    """What a multi-energy CT image has to say of what it shows (C.8.2.1.1.1, A.3.3.1)."""
    if instance.texts("MultienergyCTAcquisition") != ["YES"]:
        return
    if not any(instance.texts("ImageType")[3:4]):
        rules = standard.values(instance.iod.name, "ImageType")
        terms = next((r.values for r in rules if r.value_number == 4), ())
        message = f"has no value 4, which a multi-energy image has: {', '.join(terms)}, or another term"
        yield instance.find("CHK-IMAGETYPE", "ImageType", message)
    if instance.state(tag_of("RealWorldValueMappingSequence")) is not State.FILLED:
        message = "has no item; a multi-energy image says what its stored values mean"
        yield instance.find("CHK-MAPPING", "RealWorldValueMappingSequence", message)


@reads("ImageOrientationPatient", "Rows", "Columns", "PixelSpacing")
def _cosines(instance: Judged) -> Iterator[Finding]:
    cosines = np.array(instance.numbers("ImageOrientationPatient"))
    if len(cosines) != 6:
        return
    skew = skew_of(cosines[:3], cosines[3:])
    if skew <= _WRITTEN_TOLERANCE:
        return
    reach = reach_mm(instance.number("Rows"), instance.number("Columns"), instance.numbers("PixelSpacing"))
    off = float(turned_mm(cosines, orthonormal(cosines), reach)[0])
    code = "CHK-IOP-ROUNDED" if skew <= COSINE_TOLERANCE else "CHK-IOP"
    message = (
        f"is off from unit length and a right angle by {skew:.2g}, {off:.2g} mm at the corners; wanted at most "
        f"{_WRITTEN_TOLERANCE:g}, and {ORIENTATION_MM} mm"
    )
    yield instance.find(code, "ImageOrientationPatient", message)


@reads("PixelSpacing", "SpacingBetweenSlices", "SliceThickness")
def _spacing(instance: Judged) -> Iterator[Finding]:
    spacing = instance.numbers("PixelSpacing")
    if spacing and not min(spacing) > 0:
        yield instance.find("CHK-SPACING", "PixelSpacing", f"is {list(spacing)} mm; wanted values above 0")
    between = instance.number("SpacingBetweenSlices")
    if between is not None and between < 0:
        yield instance.find("CHK-SPACING", "SpacingBetweenSlices", f"is {between:g} mm; wanted no negative value")
    thickness = instance.number("SliceThickness")
    if thickness is not None and not thickness > 0:
        yield instance.find("CHK-THICKNESS", "SliceThickness", f"is {thickness:g} mm; wanted a value above 0, or none")


@reads("ImageType", "ReconstructionDiameter", "PixelSpacing", "Rows", "Columns")
def _diameter(instance: Judged) -> Iterator[Finding]:
    """Only what was derived is judged: an original may be cropped from its reconstruction."""
    diameter, spacing = instance.number("ReconstructionDiameter"), instance.numbers("PixelSpacing")
    rows, columns = instance.number("Rows"), instance.number("Columns")
    if not diameter or len(spacing) != 2 or not rows or not columns or not _derived(instance):
        return
    span = max(rows * spacing[0], columns * spacing[1])
    if abs(span - diameter) > _DIAMETER_TOLERANCE * diameter:
        message = f"is {diameter:g} mm; the pixels of this derived image span {span:g} mm"
        yield instance.find("CHK-FOV", "ReconstructionDiameter", message)


@reads("ImageType", "GantryDetectorTilt", "ImageOrientationPatient")
def _tilt(instance: Judged) -> Iterator[Finding]:
    tilt, cosines = instance.number("GantryDetectorTilt"), instance.numbers("ImageOrientationPatient")
    if not tilt or len(cosines) != 6 or not _derived(instance):
        return
    normal = normal_of(cosines[:3], cosines[3:])
    leaning = float(np.degrees(np.arccos(np.clip(abs(normal[2]), 0, 1))))
    if abs(tilt) > _TILT_TOLERANCE_DEGREES and leaning < _TILT_TOLERANCE_DEGREES:
        message = f"is {tilt:g} degrees; the planes of this derived image are not tilted"
        yield instance.find("CHK-TILT", "GantryDetectorTilt", message)


@reads("PatientPosition", "PatientOrientationCodeSequence")
def _position(instance: Judged) -> Iterator[Finding]:
    """Beside a sequence with items Patient Position is one of the attributes whose condition does not hold."""
    there = [instance.state(tag_of(k)) for k in ("PatientPosition", "PatientOrientationCodeSequence")]
    if there == [State.FILLED, State.EMPTY]:
        message = "stands beside an empty Patient Orientation Code Sequence; wanted one of the two, with a value"
        yield instance.find("CHK-POSITION", "PatientPosition", message)


def _derived(instance: Judged) -> bool:
    return instance.texts("ImageType")[:1] == ["DERIVED"]


#: Image Type, orientation, spacing, what depends on them, and how the patient lay.
JUDGES = (_image_type, _multi_energy, _cosines, _spacing, _diameter, _tilt, _position)
#: What is judged of frames: their plane, and what depends on it.
OF_FRAMES = (_cosines, _spacing, _diameter, _tilt)
