"""What is known of pictures that were drawn of images: whose they are, from which images, and nothing of a place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from derive.authoring.options import Options
from derive.authoring.policy import known_across_classes
from derive.authoring.presence import excluded
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode
from derive.errors import UsageError
from derive.model.classes import Target, target_of
from derive.model.source import SourceSeries
from derive.told.wording import flag

BURNED_IN = "BurnedInAnnotation"


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


def drawn_of(source: SourceSeries, target: Target, options: Options) -> tuple[SourceSeries, Options]:
    """Return the source as pictures know it, and what is left of the options.

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
    iod = target_of(source.sop_class_uid).iod
    places = {rule.tag for rule in iod.attributes.values() if rule.entity == "Frame of Reference"}
    shared = known_across_classes(iod) - {tag_of(keyword) for keyword in excluded(target.iod)} - places
    texts = {BURNED_IN: options.set[BURNED_IN], "Modality": source.text("Modality")}
    elements = [encode(keyword, text, source.encodings) for keyword, text in texts.items()]
    rules = {tag_of(BURNED_IN): "said by the caller", tag_of("Modality"): "that of the images that were drawn"}
    left = {keyword: text for keyword, text in options.set.items() if keyword != BURNED_IN}
    given: dict[int, Element] = {element.tag: element for element in elements}
    return source.only(shared, given, rules), replace(options, set=left)
