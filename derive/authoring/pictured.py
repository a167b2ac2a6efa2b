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
from derive.model.classes import PICTURE_KINDS, Target, class_for, makes_pictures, placed, target_of
from derive.model.frames import Frames
from derive.model.source import Attributes, Sources, SourceSeries
from derive.told.wording import flag

BURNED_IN, FEATURES = "BurnedInAnnotation", "RecognizableVisualFeatures"

#: By what multi-frame images are dated where dates of the source were shifted.
_DATED = frozenset(map(tag_of, ("ContentDate", "ContentTime", "AcquisitionDate", "AcquisitionTime")))


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


def drawn_of(sources: Sources, pictures: Frames, options: Options) -> tuple[Sources, Target, Options]:
    """Return sources as pictures know them that were drawn of them, their class, and what is left of the options.

    *2026-12-01.* The modality is that of the images: it is what produced the data of which the picture was made (PS3.3
    C.7.3.1.1.1). A picture lies nowhere, and is in no frame of reference.

    Raises
    ------
    UsageError
        ``GIV-BURNED``, ``SET-VALUE``
    """
    refuse_unsaid(options.set)
    if options.set[BURNED_IN] not in ("YES", "NO"):
        raise UsageError("SET-VALUE", f"{BURNED_IN} is {options.set[BURNED_IN]!r:.40}; wanted YES or NO")
    source = sources.principal
    assert isinstance(source, SourceSeries), "pictures are drawn of images"
    target = target_of(class_for(str(options.into), source.text("Modality"), pictures.format))
    iod = target_of(source.sop_class_uid).iod
    places = {rule.tag for rule in iod.attributes.values() if rule.entity == "Frame of Reference"}
    texts = {BURNED_IN: (options.set[BURNED_IN], "said by the caller")}
    left = {keyword: text for keyword, text in options.set.items() if keyword != BURNED_IN}
    principal = _known(source, target, texts, places)
    return replace(sources, principal=principal), target, replace(options, set=left)


def coloured_of(sources: Sources, colours: Frames, options: Options) -> tuple[Sources, Target, Options]:
    """Return sources as colours know them that were made at their places, their class, and what is left of the options.

    *2026-12-01.* Nothing is written into colours over grey, so that text stands in them only where it did in a source,
    and a face is seen where it was (PS3.3 C.7.6.1). Of text a source that is a scan seldom says that it has none: none
    is what it has then. Of a face nobody knows without being told, and nothing is said.

    Raises
    ------
    UsageError
        ``SET-VALUE``, and ``OPT-FORM`` for a form that has values.
    """
    kind, source = options.into or PICTURE_KINDS[0], sources.principal
    assert isinstance(source, SourceSeries), "colours are made of images"
    if not makes_pictures(kind):
        wanted = flag("into", "|".join(PICTURE_KINDS))
        raise UsageError("OPT-FORM", f"form {kind!r} has values, and colours have none; wanted {wanted}")
    target = target_of(class_for(kind, source.text("Modality"), colours.format))
    if target.container == "pages" and colours.geometry is not None and colours.geometry.in_patient:
        target = placed(target)
    texts, left = {}, dict(options.set)
    for keyword in (BURNED_IN, FEATURES):
        said, rule = left.pop(keyword, ""), "said by the caller"
        if said not in ("", "YES", "NO"):
            raise UsageError("SET-VALUE", f"{keyword} is {said!r:.40}; wanted YES or NO")
        if not said:
            said, rule = _of_all(sources.all, keyword), "YES where any source says it, NO where it has none"
        texts[keyword] = (said, rule)
    principal = _known(source, target, {k: v for k, v in texts.items() if v[0]}, set())
    return replace(sources, principal=principal), target, replace(options, set=left)


def _of_all(sources: Sequence[Attributes], keyword: str) -> str:
    """What all images of some sources say together; NO of text in images of which none says anything."""
    said = {str(value or "") for source in sources for value in source.values(keyword)}
    if "YES" in said:
        return "YES"
    return "NO" if said == {"NO"} or keyword == BURNED_IN else ""


def _known(
    source: SourceSeries, target: Target, said: Mapping[str, tuple[str, str]], without: Collection[int]
) -> SourceSeries:
    """Return a source as another class knows it: what is true of any class, the modality, and what is said."""
    iod = target_of(source.sop_class_uid).iod
    shared = known_across_classes(iod) - {tag_of(keyword) for keyword in excluded(target.iod)} - set(without)
    said = {**said, "Modality": (source.text("Modality"), "that of the images that were drawn")}
    given = {tag_of(k): encode(k, text, source.encodings) for k, (text, _) in said.items()}
    hidden = {tag_of(keyword) for keyword in (BURNED_IN, FEATURES)} - given.keys()
    if target.container == "functional":
        shared |= _DATED  # its frames have to have a date, and beside shifted ones there is none of now
    return source.only(shared - hidden, given, {tag_of(k): rule for k, (_, rule) in said.items()})
