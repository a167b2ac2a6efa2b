"""What a result becomes that the class of its source cannot hold, as the tables have it: ``classes.tsv``."""

from __future__ import annotations

from dataclasses import replace

from derive.errors import UsageError
from derive.model.classes import Target, class_without_plane, target_of
from derive.model.functional_groups import iod_of_frames
from derive.pixels.encode import Rescale
from derive.told.wording import flag


def without_plane(target: Target, form: str | None) -> Target:
    """Return what images become that are cut out of a volume, and lie on no plane of the patient.

    *2026-12-01, curved MPR.* CT, MR and PET images have an Image Plane in every one (A.3.3, A.4.3, A.21.3: Mandatory),
    and so have the frames of their multi-frame classes (Plane Position and Orientation, Mandatory in theirs unless the
    values are of no place at all). Of a straightened curve no position and no orientation is true. Multi-frame
    Secondary Capture has no rescale but 0 and 1, US (C.8.6.3), which would lose what values of CT and PET are.
    Secondary Capture (A.8.1.3) needs no Image Plane, and may have Pixel Spacing (C.8.6.2) and a Modality LUT: values
    stay what they were, and Rescale Type says their units (C.11.1.1.2 permits others than its terms). The Frame of
    Reference may be there without an Image Plane, and stays: the points of the curve that the description holds are
    coordinates in it.

    Raises
    ------
    UsageError
        ``OPT-FORM`` for a form that was asked for; ``OPT-PLANE`` for a class that has no such counterpart.
    """
    if form is not None:
        raise UsageError("OPT-FORM", f"an image that lies on no plane has one form only; leave out {flag('into')}")
    other = class_without_plane(target.iod.sop_class_uid)
    if not other:
        raise UsageError("OPT-PLANE", f"an image of {target.modality} that lies on no plane has no class here")
    units = "US" if target.units == "1" else target.units
    return replace(
        target_of(other, drawn=True),
        stored=target.stored,
        rescale=Rescale.SERIES,
        units_keyword="RescaleType",
        units=units,
        unspecified="US" if target.unspecified in ("", "1") else target.unspecified,
        fill=target.fill,
        inverted=target.inverted,
        window=target.window,
        cyclic=target.cyclic,
        own_spacing=("PixelSpacing",),
    )


def capture_of(target: Target) -> Target:
    """Return what images become whose values their class does not hold: another quantity, or more than 8 bits.

    *2026-12-01.* A digital radiograph has a rescale of 1 and 0 and values that follow the beam (C.8.11.3.1.2), and a
    photograph or an ultrasound has 8 bits (C.8.12.1.1.2, C.8.5.6.1.13): a difference, a mask of 0 and 1, or what was
    sharpened beyond black and white is no such image. Secondary Capture has a Modality LUT of any slope and units, and
    its multi-frame class 16 bits.
    """
    other = target_of(target.instead)
    return replace(other, fill=target.fill, inverted=target.inverted, cyclic=target.cyclic)


def placed(target: Target) -> Target:
    """Return what pages become that lie somewhere: functional groups say where (A.8.3 to A.8.5).

    Raises
    ------
    UsageError
        ``OPT-PLACED`` for a class whose pages cannot say where they lie: black and white in single bits.
    """
    if "SharedFunctionalGroupsSequence" not in target.iod.attributes:
        raise UsageError(
            "OPT-PLACED",
            f"pages of single bits cannot say where they lie; {flag('kind', 'secondary-capture')} makes an image a "
            "slice, each at its place, and 8 bits a pixel can lie in one instance",
        )
    return replace(target, container="functional", iod=iod_of_frames(target.iod))
