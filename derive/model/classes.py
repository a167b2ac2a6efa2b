"""The classes that can be read or made, and what we decide for each: ``classes.tsv``.

``kind``, ``modality`` and ``stored`` say what becomes of a volume or of pictures; ``*`` is any. ``container`` is how
frames become instances: ``single``, each its own; ``pages``, all in one; ``functional``, volumes in one, each frame
with what functional groups say of it; or ``cine``, frames of one cine in one, of which nothing is said but their times.
``own_spacing`` names what says how far pixels are apart in images that do not say where in the patient they lie, what
says it best first. ``without_plane`` is the class of what is cut out of a volume and lies on no plane, and ``instead``
that of values which a class does not hold. Secondary Capture has two lines: of pictures that are drawn, whose numbers
are all there is, and of images that were captured, whose values may have units and are computed with.

Image Type: value 2 and, by what the derivation does to the grid, value 3 (C.8.2.1.1.1, C.8.3.1.1.1; PET
knows only PRIMARY, C.8.9.4.1.1). ``rescale`` is the way of :class:`derive.pixels.encode.Rescale`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    instead : str
        Class of values that it does not hold: of another quantity, or beyond its bits; empty where it holds all.
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
    instead: str

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
def _lines() -> Sequence[Mapping[str, str]]:
    text = files(__package__).joinpath("classes.tsv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines(), delimiter="\t"))


@cache
def _rows() -> Mapping[str, Mapping[str, str]]:
    """Return the line of each class: of one that is read and drawn that by which it is read."""
    lines = sorted(_lines(), key=lambda line: line["read"] == "yes")
    found = {line["sop_class_uid"]: line for line in lines}
    return {uid: found[uid] for uid in dict.fromkeys(line["sop_class_uid"] for line in _lines())}


def sop_class_uids() -> tuple[str, ...]:
    """SOP Class UIDs of all that can be read."""
    return tuple(uid for uid, line in _rows().items() if line["read"] == "yes")


def modalities_read() -> tuple[str, ...]:
    """Modalities of all that can be read, those of one once."""
    of_one = (target_of(uid).modality for uid in sop_class_uids())
    return tuple(dict.fromkeys(modality for modality in of_one if modality != "*"))


def is_captured(sop_class_uid: str) -> bool:
    """Whether images of a class are captures of whatever was on a screen."""
    return _rows().get(sop_class_uid, {}).get("kind") == "captured"


def computed_class_uids() -> tuple[str, ...]:
    """SOP Class UIDs of all that holds what is computed: what can be read, what lies on no plane, colours of grey."""
    pictures = (line for line in _lines() if line["kind"] in PICTURE_KINDS)
    colours = [line["sop_class_uid"] for line in pictures if line["stored"] in ("*", "rgb8")]
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
    lines = [line for line in _lines() if line["kind"] == kind]
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


def class_without_plane(sop_class_uid: str) -> str:
    """Return the class of what is cut out of images of a class and lies on no plane; empty where there is none."""
    return _rows()[sop_class_uid]["without_plane"]


@cache
def target_of(sop_class_uid: str, *, drawn: bool = False) -> Target:
    """Return the target for a class.

    Parameters
    ----------
    sop_class_uid : str
    drawn : bool
        Whether it is wanted for pictures that are drawn, and not as what its images are when they are read.

    Raises
    ------
    SourceError
        ``SRC-CLASS`` for a class that cannot be made.
    """
    if sop_class_uid not in _rows():
        raise SourceError(
            "SRC-CLASS", f"SOP Class {shown_uid(sop_class_uid)} cannot be made; wanted one of {', '.join(_rows())}"
        )
    pictures = (row for row in _lines() if row["sop_class_uid"] == sop_class_uid and row["kind"] in PICTURE_KINDS)
    line = next(pictures, _rows()[sop_class_uid]) if drawn else _rows()[sop_class_uid]
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
        line["instead"],
    )


#: Entities that stay the same: pulled even where a value is not legal, and never set by a caller.
IDENTITY = frozenset({"Patient", "Study", "Frame of Reference"})
