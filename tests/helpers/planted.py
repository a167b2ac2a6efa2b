"""Omissions that somebody plants into a study that was de-identified: one each, with what the check has to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from tests.helpers.by_hand import cleaned, code, image, moved, new_uid, presentation, stored

DATES = ("modified-dates", "safe-private")


@dataclass
class Study:
    """Originals and what is left of them: two images and a presentation state of both."""

    options: tuple[str, ...] = ()
    originals: list[Dataset] = field(default_factory=lambda: [image(1), image(2), presentation()])

    def __post_init__(self) -> None:
        self.written = [cleaned(ds, self.options) for ds in self.originals]
        self.behind: dict[int, bytes] = {}

    def files(self) -> list[tuple[bytes, bytes]]:
        """Return original and written file of each."""
        both = zip(self.originals, self.written, strict=True)
        return [(stored(a), stored(b) + self.behind.get(at, b"")) for at, (a, b) in enumerate(both)]

    @property
    def first(self) -> Dataset:
        """The first image as it was written."""
        return self.written[0]

    @property
    def source(self) -> Dataset:
        """The first image as it was."""
        return self.originals[0]


@dataclass(frozen=True)
class Omission:
    """Something that a de-identification got wrong.

    Parameters
    ----------
    what : str
    code, path : str
        What the check has to find, and where.
    plant : callable (Study)
    options : tuple of str
        That are in force.
    """

    what: str
    code: str
    path: str
    plant: Callable[[Study], object]
    options: tuple[str, ...] = ()


def kept(keyword: str) -> Callable[[Study], object]:
    """Leave an attribute of the first image as it was."""
    return lambda study: study.first.add(study.source[keyword])


def put(keyword: str, value: object, which: int = 0) -> Callable[[Study], object]:
    """Give an attribute a value."""
    return lambda study: setattr(study.written[which], keyword, value)


def gone(keyword: str, which: int = 0) -> Callable[[Study], object]:
    """Take an attribute away."""
    return lambda study: delattr(study.written[which], keyword)


def meta(keyword: str, value: object) -> Callable[[Study], object]:
    """Give an attribute of the File Meta Information a value."""
    return lambda study: setattr(study.first.file_meta, keyword, value)


def raw(tag: int, vr: str, value: object) -> Callable[[Study], object]:
    """Add an element."""
    return lambda study: study.first.add_new(tag, vr, value)


def private(group: int, creator: str, element: int, vr: str, value: object) -> Callable[[Study], object]:
    """Add a private element with its creator, to the original too."""

    def plant(study: Study) -> None:
        for ds in (study.first, study.source):
            ds.private_block(group, creator, create=True).add_new(element, vr, value)

    return plant


def both_raw(tag: int, vr: str, value: object) -> Callable[[Study], object]:
    """Add an element to the original and to what is written."""

    def plant(study: Study) -> None:
        for ds in (study.first, study.source):
            ds.add_new(tag, vr, value)

    return plant


def claim(*codes: str) -> Callable[[Study], object]:
    """Claim exactly some codes."""
    return put("DeidentificationMethodCodeSequence", [code(c, "DCM", "as it is called") for c in codes])


def in_item(keyword: str, inner: str, value: object) -> Callable[[Study], object]:
    """Give an attribute in the first item of a sequence a value."""
    return lambda study: setattr(study.first[keyword].value[0], inner, value)


def reference(value: str | None) -> Callable[[Study], object]:
    """Let the presentation state refer to another image, or to one less."""

    def plant(study: Study) -> None:
        images = study.written[2].ReferencedSeriesSequence[0].ReferencedImageSequence
        if value is None:
            del images[1]
        else:
            images[1].ReferencedSOPInstanceUID = value

    return plant


def of_another_day(study: Study) -> None:
    """Move the dates of the second image by other days than those of the first."""
    for element in study.originals[1]:
        if element.VR == "DA" and element.keyword in study.written[1]:
            study.written[1][element.keyword].value = moved(str(element.value), -100)


def embedded_overlay(study: Study) -> None:
    """Let the original have an overlay in a bit of its pixels, and leave it there."""
    for ds in (study.first, study.source):
        ds.PixelData = b"\1\x80" * 16
    del study.source[0x60003000]
    study.source.add_new(0x60000102, "US", 15)


def creator_alone(study: Study) -> None:
    """Leave a Private Creator with nothing in its block."""
    del study.first[0x70531000]


def orphan(study: Study) -> None:
    """Leave a private element without its Private Creator."""
    del study.first[0x70530010]


def behind(study: Study) -> None:
    """Leave bytes behind the data set."""
    study.behind[0] = b"Quillfeather"


def un_sequence(study: Study) -> None:
    """Leave a private sequence that stands as UN."""
    inner = b"\x10\0\x20\0" + (10).to_bytes(4, "little") + b"MRN778812X"
    value = b"\xfe\xff\0\xe0" + len(inner).to_bytes(4, "little") + inner
    private(0x7053, "Philips PET Private Group", 0x0F, "UN", value)(study)


def split_series(study: Study) -> None:
    """Give the images of one series two series."""
    study.written[1].SeriesInstanceUID = new_uid("1.2.3")


def merged(study: Study) -> None:
    """Give two images one UID."""
    study.written[1].SOPInstanceUID = study.first.SOPInstanceUID
    study.written[1].file_meta.MediaStorageSOPInstanceUID = study.first.SOPInstanceUID


def earlier(study: Study) -> None:
    """Let the original say that it was de-identified before, and say nothing of that any more."""
    study.source.DeidentificationMethod = "by somebody before"


def merged_state(study: Study) -> None:
    """Give the presentation state the UID of an image."""
    study.written[2].SOPInstanceUID = study.first.SOPInstanceUID
