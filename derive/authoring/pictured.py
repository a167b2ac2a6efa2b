"""What is known of pictures that were drawn of images: whose they are, from which images, and nothing of a place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from derive.authoring.options import Options
from derive.authoring.policy import known_across_classes
from derive.authoring.presence import excluded
from derive.elements.element import tag_of
from derive.elements.encoding import encode
from derive.errors import UsageError
from derive.model.classes import PICTURE_KINDS, Target, class_for, makes_pictures, target_of
from derive.model.frames import Frames
from derive.model.other_class import placed
from derive.model.source import Attributes, Sources, SourceSeries
from derive.told.wording import flag

BURNED_IN, FEATURES = "BurnedInAnnotation", "RecognizableVisualFeatures"

_OF_SOURCES = "YES where any source says it, NO where it has none"
#: By what multi-frame images are dated where dates of the source were shifted.
_DATED = frozenset(map(tag_of, ("ContentDate", "ContentTime", "AcquisitionDate", "AcquisitionTime")))
#: What is true of a slice of a patient, whichever macro or module of its class says it.
_OF_SLICES = frozenset(map(tag_of, ("SliceThickness",)))


def refuse_unsaid(settings: Mapping[str, str]) -> None:
    """Refuse pictures of which nobody said whether they show whose they are.

    Raises
    ------
    UsageError
        ``GIV-BURNED``
    """
    if not settings.get(BURNED_IN):
        raise UsageError(
            "GIV-BURNED",
            "do the pictures show whose they are, burned in? look, and say "
            f"{flag('burned_in_annotation', 'YES')} or NO "
            "(PS3.3 C.7.6.1)",
        )


def drawn_of(
    sources: Sources, pictures: Frames, options: Options, burned_in: tuple[str, str] | None = None
) -> tuple[Sources, Target, Options]:
    """Return sources as pictures know them that were drawn of them, their class, and what is left of the options.

    Parameters
    ----------
    sources : Sources
    pictures : Frames
    options : Options
    burned_in : (YES or NO, why), optional
        Whether they show whose they are, where whoever draws them knows; else a person has to say it.

    *2026-12-01.* The modality is that of the images: it is what produced the data of which the picture was made (PS3.3
    C.7.3.1.1.1). A picture lies nowhere, and is in no frame of reference.

    Raises
    ------
    UsageError
        ``GIV-BURNED``, ``SET-VALUE``
    """
    if burned_in is None:
        refuse_unsaid(options.set)
        burned_in = burned_in_said(sources.all, options.set)
    source = sources.principal
    assert isinstance(source, SourceSeries), "pictures are drawn of images"
    target = target_of(class_for(str(options.into), source.text("Modality"), pictures.format), drawn=True)
    iod = target_of(source.sop_class_uid).iod
    places = {rule.tag for rule in iod.attributes.values() if rule.entity == "Frame of Reference"}
    texts = {BURNED_IN: burned_in, **_features(sources.all, options.set)}
    left = {keyword: text for keyword, text in options.set.items() if keyword != BURNED_IN}
    principal = _known(source, target, texts, without=places)
    return replace(sources, principal=principal), target, replace(options, set=left)


def coloured_of(sources: Sources, colours: Frames, options: Options) -> tuple[Sources, Target, Options]:
    """Return sources as colours know them that were made at their places, their class, and what is left of the options.

    *2026-12-01.* Nothing is written into colours over grey, so that text stands in them only where it did in a source,
    and a face is seen where it was (PS3.3 C.7.6.1). Of a face nobody knows without being told, and nothing is said.

    Raises
    ------
    UsageError
        ``GIV-BURNED``, ``SET-VALUE``, and ``OPT-FORM`` for a form that has values.
    """
    kind, source = options.into or PICTURE_KINDS[0], sources.principal
    assert isinstance(source, SourceSeries), "colours are made of images"
    if not makes_pictures(kind):
        wanted = flag("into", "|".join(PICTURE_KINDS))
        raise UsageError("OPT-FORM", f"form {kind!r} has values, and colours have none; wanted {wanted}")
    target = target_of(class_for(kind, source.text("Modality"), colours.format), drawn=True)
    lies = colours.geometry is not None and colours.geometry.in_patient
    if target.container == "pages" and lies:
        target = placed(target)
    texts = {BURNED_IN: burned_in_said(sources.all, options.set), **_features(sources.all, options.set)}
    left = {keyword: text for keyword, text in options.set.items() if keyword != BURNED_IN}
    principal = _known(source, target, texts, beside=_OF_SLICES if lies else ())
    return replace(sources, principal=principal), target, replace(options, set=left)


def burned_in_said(sources: Sequence[Attributes], settings: Mapping[str, str]) -> tuple[str, str]:
    """Return whether pictures show whose they are that were made of images, without a text of their own, and why.

    What somebody says, else YES where any image says it. Images that say nothing have no text where they lie in a
    patient: scanners write none into those. Of others it has to be said.

    Raises
    ------
    UsageError
        ``GIV-BURNED``, ``SET-VALUE``
    """
    said = settings.get(BURNED_IN) or _of_all(sources, BURNED_IN)
    if said not in ("", "YES", "NO"):
        raise UsageError("SET-VALUE", f"{BURNED_IN} is {said!r:.40}; wanted YES or NO")
    if not said and any(isinstance(s, SourceSeries) and not s.geometry.in_patient for s in sources):
        refuse_unsaid(settings)
    return said or "NO", "said by the caller" if settings.get(BURNED_IN) else _OF_SOURCES


def _features(sources: Sequence[Attributes], settings: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What is said of features by which a person is recognised; nothing where a source says nothing of them."""
    found = "" if settings.get(FEATURES) else _of_all(sources, FEATURES)
    return {FEATURES: (found, _OF_SOURCES)} if found else {}


def _of_all(sources: Sequence[Attributes], keyword: str) -> str:
    """What all images of some sources say together: YES if any does, NO if all do, else nothing."""
    said = {str(value or "") for source in sources for value in source.values(keyword)}
    return "YES" if "YES" in said else "NO" if said == {"NO"} else ""


def _known(
    source: SourceSeries,
    target: Target,
    said: Mapping[str, tuple[str, str]],
    *,
    beside: Collection[int] = (),
    without: Collection[int] = (),
) -> SourceSeries:
    """Return a source as another class knows it: what is true of any class, the modality, and what is said."""
    iod = target_of(source.sop_class_uid).iod
    shared = known_across_classes(iod) | set(beside)
    shared = shared - {tag_of(keyword) for keyword in excluded(target.iod)} - set(without)
    said = {**said, "Modality": (source.text("Modality"), "that of the images that were drawn")}
    given = {tag_of(k): encode(k, text, source.encodings) for k, (text, _) in said.items()}
    hidden = {tag_of(keyword) for keyword in (BURNED_IN, FEATURES)} - given.keys()
    if target.container == "functional":
        shared |= _DATED  # its frames have to have a date, and beside shifted ones there is none of now
    return source.only(shared - hidden, given, {tag_of(k): rule for k, (_, rule) in said.items()})
