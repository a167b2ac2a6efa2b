"""The classes that can be read or made, and what we decide for each: ``classes.tsv``.

``kind``, ``modality`` and ``stored`` say what becomes of a volume or of pictures; ``*`` is any. ``container`` is how
frames become instances: ``single``, each its own; ``pages``, all in one; ``functional``, volumes in one, each frame
with what functional groups say of it; or ``cine``, frames of one cine in one, of which nothing is said but their times.
``own_spacing`` names what says how far pixels are apart in images that do not say where in the patient they lie, what
says it best first. ``without_plane`` is the class of what is cut out of a volume and lies on no plane.

Image Type: value 2 and, by what the derivation does to the grid, value 3 (C.8.2.1.1.1, C.8.3.1.1.1; PET
knows only PRIMARY, C.8.9.4.1.1). ``rescale`` is the way of :class:`derive.pixels.encode.Rescale`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias, TypeGuard, cast

from derive import standard
from derive.errors import SourceError, UsageError
from derive.model.functional_groups import iod_of_frames
from derive.model.vectors import frame_vectors
from derive.pixels.encode import GREY_16, NUMBERS, PixelFormat, Rescale
from derive.told.secrecy import shown_uid
from derive.told.wording import flag

#: How frames become instances: each its own, or all in one.
Container: TypeAlias = Literal["single", "pages", "functional", "cine"]
#: Which volumes one series can hold: all, those that are times, or none but one.
SeriesHolds: TypeAlias = Literal["together", "times", "apart"]
#: What a window is made of.
MadeWindow: TypeAlias = Literal["values", "stored", "none", "never"]


#: By Bits Stored and Samples per Pixel.
_STORED = {(1, 1): "bit", (8, 1): "int8", (16, 1): "int16", (8, 3): "rgb8"}


@dataclass(frozen=True)
class Target:
    """One IOD that can be made.

    Parameters
    ----------
    iod : standard.Iod
    modality : str
        ``*`` for any.
    container : {"single", "pages", "functional", "cine"}
    volumes : {"together", "times", "apart"}
        Which of several volumes one series can hold: any, since its images say what tells them apart; those of several
        times; or none, since no attribute of the class does (2026-12-01): each is a series then.
    stored : str
        How values lie in Pixel Data: ``bit``, ``int8``, ``int16`` or ``rgb8``; ``*`` for any of them.
    rescale : Rescale
    duration : str
        Attribute that says for how long events were counted, in ms; empty where values are of no such counts.
    units_keyword : str
        Attribute that says the units of the values; empty where a Real World Value Mapping does.
    units : str
        Units where none are said; empty where they have to be.
    unspecified : str
        Units of values that are said to be something else, or of which nothing is known; empty as above.
    fill : float
        Value of space outside the measured field, in the units of the class.
    inverted : bool
        Whether readers look at it with the highest values dark.
    window : {"values", "stored", "none", "never"}
        What a window is made of where no source has one: real-world values, or stored values of pictures. None is
        made of counts and uptake: what is hot is a small part of the range, and readers choose it. Never there is one,
        not even that of a source, in images for processing (A.26.3): nobody is to look at them.
    original_2, value_2 : str
        Image Type value 2 of what was acquired like this, and of what was derived.
    value_3 : mapping
        Image Type value 3 by effect on the grid; empty where the IOD has none.
    value_4 : str
        ``defined`` where the IOD gives Image Type value 4 a meaning (CT), ``free`` where anything may be said there.
    cyclic : frozenset of str
        Terms of Image Type, from value 3 on, of images of a phase: their values wrap around.
    value_3_tells : str
        ``device`` where Image Type value 3 tells with what the images were taken (XA: C.8.7.1.1.1), which is so of
        all that is made of them; ``nothing`` where it is there without a value unless the source says one (DX:
        C.8.11.3.1.1); empty where it tells what they are.
    own_spacing : tuple of str
        Keywords of the pixel spacings of images that do not say where in the patient they lie, what is preferred first;
        empty where an Image Plane says it.
    named : bool
        Whether it holds values of a quantity that is said, and no others.
    """

    iod: standard.Iod
    modality: str
    container: Container
    volumes: SeriesHolds
    stored: str
    rescale: Rescale
    duration: str
    units_keyword: str
    units: str
    unspecified: str
    fill: float
    inverted: bool
    window: MadeWindow
    original_2: str
    value_2: str
    value_3: Mapping[str, str]
    value_4: str
    cyclic: frozenset[str]
    value_3_tells: str
    own_spacing: tuple[str, ...]
    named: bool

    @property
    def in_patient(self) -> bool:
        """Whether images say where in the patient they lie."""
        return not self.own_spacing

    @property
    def vectors(self) -> bool:
        """Whether index vectors tell the frames of an instance apart (C.8.4.8); some of them are slices of a volume."""
        return not frame_vectors().keys().isdisjoint(self.iod.attributes)

    @property
    def spooled(self) -> bool:
        """Whether an instance holds many frames, which wait aside until it is written."""
        return self.container in ("functional", "cine")

    @property
    def terms_3(self) -> frozenset[str]:
        """Defined Terms of Image Type value 3."""
        rules = standard.values(self.iod.name, "ImageType")
        return frozenset(term for rule in rules if rule.value_number == 3 for term in rule.values)


@cache
def _rows() -> Mapping[str, Mapping[str, str]]:
    text = files(__package__).joinpath("classes.tsv").read_text(encoding="utf-8")
    return {line["sop_class_uid"]: line for line in csv.DictReader(text.splitlines(), delimiter="\t")}


def sop_class_uids() -> tuple[str, ...]:
    """SOP Class UIDs of all that can be read."""
    return tuple(uid for uid, line in _rows().items() if line["read"] == "yes")


def modalities_read() -> tuple[str, ...]:
    """Modalities of all that can be read, those of one once."""
    of_one = (target_of(uid).modality for uid in sop_class_uids())
    return tuple(dict.fromkeys(modality for modality in of_one if modality != "*"))


def computed_class_uids() -> tuple[str, ...]:
    """SOP Class UIDs of all that holds what is computed: what can be read, what lies on no plane, colours of grey."""
    pictures = {uid: line["stored"] for uid, line in _rows().items() if line["kind"] in PICTURE_KINDS}
    colours = [uid for uid, stored in pictures.items() if stored in ("*", "rgb8")]
    found = [*sop_class_uids(), *filter(None, (line["without_plane"] for line in _rows().values())), *colours]
    return tuple(dict.fromkeys(found))


def made_class_uids() -> tuple[str, ...]:
    """SOP Class UIDs of all that can be made."""
    return tuple(_rows())


def class_for(kind: str, modality: str, pixels: PixelFormat = GREY_16) -> str:
    """Return the SOP Class UID that a volume or pictures become.

    Parameters
    ----------
    kind : str
        ``volume``, ``secondary-capture`` or ``multi-frame-secondary-capture``.
    modality : str
    pixels : PixelFormat

    Raises
    ------
    UsageError
        ``OPT-MODALITY`` if there is none.
    """
    stored = _STORED.get((pixels.bits, pixels.samples), "")
    lines = [line for line in _rows().values() if line["kind"] == kind]
    for line in lines:
        if line["modality"] in ("*", modality) and line["stored"] in ("*", stored):
            return line["sop_class_uid"]
    known = ", ".join(dict.fromkeys(line["modality"] for line in lines))
    raise UsageError(
        "OPT-MODALITY",
        f"modality {modality!r} as {kind}; wanted one of {known}, or "
        f"{flag('kind', 'secondary-capture')}, which takes any",
    )


def class_of_kind(kind: str) -> str:
    """Return the SOP Class UID of a kind that is of one modality, which the class says."""
    return next(uid for uid, line in _rows().items() if line["kind"] == kind)


#: What the instances of a series can be: single frames, multi-frame ones, maps of a quantity of whichever modality
#: (A.75), or such as were converted (A.70 to A.72).
Form: TypeAlias = Literal["classic", "enhanced", "parametric-map", "legacy-converted"]
FORMS: tuple[Form, ...] = ("classic", "enhanced", "parametric-map", "legacy-converted")
#: What pictures become that a function makes of a volume: one an instance, or all in one (A.8).
PictureKind: TypeAlias = Literal["secondary-capture", "multi-frame-secondary-capture"]
PICTURE_KINDS: tuple[PictureKind, ...] = ("secondary-capture", "multi-frame-secondary-capture")


def checked_form(form: str | None) -> None:
    """Refuse a form that there is none of.

    Raises
    ------
    UsageError
        ``OPT-FORM``.
    """
    if form is not None and form not in FORMS:
        raise UsageError("OPT-FORM", f"form {form!r}; wanted {flag('into', '|'.join(FORMS))}")


def makes_pictures(into: str | None) -> TypeGuard[PictureKind]:
    """Whether a result is wished as pictures."""
    return into in PICTURE_KINDS


def form_of(sop_class_uid: str) -> str:
    """Return what form the instances of a class have; empty for a class without forms."""
    return _rows().get(sop_class_uid, {}).get("form") or ""


def class_in_form(sop_class_uid: str, form: str) -> str:
    """Return the class that says the same of a modality in another form; itself for the form that it has.

    Raises
    ------
    UsageError
        ``OPT-FORM`` for a form, or a class, that there is none of.
    """
    checked_form(form)
    line = _rows().get(sop_class_uid, {})
    same = (r for r in _rows().values() if r["form"] == form and r["modality"] in ("*", line.get("modality")))
    found = next((r["sop_class_uid"] for r in same), None) if line.get("form") else None
    if found is None:
        without = f"; leave out {flag('into', form)}"
        raise UsageError("OPT-FORM", f"SOP Class {shown_uid(sop_class_uid)} has no other form{without}")
    return found


def class_derived(sop_class_uid: str, form: str | None) -> str:
    """Return the class of what is derived from images of a class.

    *2026-12-01.* Nothing that is derived is legacy-converted: that says of an instance that its frames were classic
    images (A.70). What is derived from such an instance has the form that its images had.

    Parameters
    ----------
    sop_class_uid : str
    form : str, optional
        What was asked for; None: that of the class, of a legacy-converted one classic.

    Raises
    ------
    UsageError
        ``OPT-FORM``.
    """
    *made, converted = FORMS
    if form == converted:
        raise UsageError(
            "OPT-FORM",
            f"{converted} says of frames that they were classic images, and what is derived were none (PS3.3 A.70); "
            f"wanted {flag('into', '|'.join(made))}, which can be converted then",
        )
    own = form_of(sop_class_uid)
    if form is None and own != converted:
        return sop_class_uid
    return class_in_form(sop_class_uid, form or FORMS[0])


def format_of(target: Target, numbers: str | None, own: PixelFormat) -> PixelFormat:
    """Return how values are stored of a class, as a person wants it; as they were where nobody does, if it holds that.

    Raises
    ------
    UsageError
        ``OPT-NUMBERS`` for numbers that the class does not hold.
    """
    held = target.stored.split("|")
    if numbers is not None and numbers not in held:
        wanted = flag("numbers", "|".join(held)) if len(held) > 1 else f"none: {target.iod.name} holds {held[0]} alone"
        raise UsageError("OPT-NUMBERS", f"numbers {numbers!r:.20}; wanted {wanted}")
    kept = next((name for name, form in NUMBERS.items() if form == own and name in held), "")
    usual = next((name for name in held if name in NUMBERS), "")
    return NUMBERS.get(numbers or kept or usual, GREY_16)


def in_all_forms(sop_class_uid: str) -> frozenset[str]:
    """Return the classes that say the same of a modality, in whatever form; a class without forms by itself."""
    line = _rows().get(sop_class_uid, {})
    same = (u for u, r in _rows().items() if r["form"] and r["modality"] == line.get("modality"))
    return frozenset(same) if line.get("form") else frozenset({sop_class_uid})


@cache
def target_of(sop_class_uid: str) -> Target:
    """Return the target for a class.

    Raises
    ------
    SourceError
        ``SRC-CLASS`` for a class that cannot be made.
    """
    if sop_class_uid not in _rows():
        raise SourceError(
            "SRC-CLASS", f"SOP Class {shown_uid(sop_class_uid)} cannot be made; wanted one of {', '.join(_rows())}"
        )
    line = _rows()[sop_class_uid]
    value_3 = {effect: line[effect] for effect in ("keeps_grid", "new_grid", "new_plane", "projection")}
    iod = standard.iod(sop_class_uid)
    return Target(
        iod_of_frames(iod) if line["container"] == "functional" else iod,
        line["modality"],
        cast(Container, line["container"]),
        cast(SeriesHolds, line["volumes"]),
        line["stored"],
        Rescale(line["rescale"]),
        line["duration"],
        line["units_keyword"],
        line["units"],
        line["unspecified"],
        float(line["fill"]),
        line["inverted"] == "yes",
        cast(MadeWindow, line["window"]),
        line["original_2"],
        line["value_2"],
        value_3,
        line["value_4"],
        frozenset(filter(None, line["cyclic"].split("|"))),
        line["value_3_tells"],
        tuple(filter(None, line["own_spacing"].split("|"))),
        line["quantity"] == "named",
    )


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
    other = _rows()[target.iod.sop_class_uid]["without_plane"]
    if not other:
        raise UsageError("OPT-PLANE", f"an image of {target.modality} that lies on no plane has no class here")
    units = "US" if target.units == "1" else target.units
    return replace(
        target_of(other),
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


#: Entities that stay the same: pulled even where a value is not legal, and never set by a caller.
IDENTITY = frozenset({"Patient", "Study", "Frame of Reference"})
