"""The pictures of one object: what is blanked in them and why, what text was found, and whether they may go out.

The order: boxes that a person named, ultrasound regions, templates, recognised text. Blanked is
what all of them say together. Text is recognised in the picture as it was, so that it is reported whatever is blanked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from derive.deidentification.pixels.blanked import BlankedPixels, StoredValue, ToBlank, blanked, without_comments
from derive.deidentification.pixels.layout import as_it_lies, embedded_overlays, embedded_positions, sample_layout
from derive.deidentification.pixels.plan import PixelPlan
from derive.deidentification.pixels.recognised import Reading, read
from derive.deidentification.pixels.risk import (
    FACE,
    REFUSE,
    TELL,
    TEXT,
    PictureRisk,
    is_picture,
    is_said_clean,
    risks_of,
)
from derive.deidentification.pixels.where import BOXES, RECOGNISED, REGIONS, TEMPLATE, Blank, named
from derive.elements.element import Element
from derive.elements.instance import Instance
from derive.errors import SourceError, ValuesError
from derive.rewriting.file import Passage, StoredFile
from derive.told.wording import flag

#: What is taken out without being asked for, and told.
_OVERLAY = PictureRisk("overlay-bits", TELL, False, "an overlay stood in unused bits of its pixels, and was taken out")
_COMMENTS = PictureRisk("comments", TELL, False, "comments or thumbnails in its compressed frames were taken out")
_BEHIND = PictureRisk("behind-frames", TELL, False, "bytes behind the last frame of its pixels were taken out")
_UNDEFINED = b"\xff\xff\xff\xff"
#: Burned In Annotation says NO, and 113101 is claimed, only for these (and for a person's word).
_DETERMINISTIC = frozenset([BOXES, REGIONS, TEMPLATE])


@dataclass(frozen=True)
class CleanedPixels:
    """What became of the pictures of an object.

    Parameters
    ----------
    blanked : BlankedPixels, optional
        Its pixels, where they are others now.
    blanks : tuple of Blank
        What was blanked, by whom.
    vouched : bool
        Whether a deterministic method, or a person, answers for it: code 113101 and Burned In Annotation NO.
    skipped : bool
        Whether it is left out since it may have text burned in.
    risks : tuple of PictureRisk
        What is to be told of it.
    reading : Reading, optional
        Text that was recognised; its words are values, and never told.
    """

    blanked: BlankedPixels | None = None
    blanks: tuple[Blank, ...] = ()
    vouched: bool = False
    skipped: bool = False
    risks: tuple[PictureRisk, ...] = ()
    reading: Reading | None = field(default=None, repr=False)

    @property
    def changed(self) -> bool:
        """Whether its pixels are others now."""
        return self.blanked is not None

    @property
    def value(self) -> bytes:
        """Pixel Data that is another now; of encapsulated fragments with the delimiter behind them."""
        return self._now.pixels.value

    @property
    def vr(self) -> str:
        """Value representation of that."""
        return self._now.pixels.vr

    @property
    def encapsulated(self) -> bool:
        """Whether it is made of fragments."""
        return self._now.pixels.encapsulated

    @property
    def elements(self) -> Mapping[int, Element | None]:
        """Attributes to set, or to remove, since the pixels are others now."""
        return {} if self.blanked is None else self.blanked.elements

    @property
    def transfer_syntax(self) -> str:
        """Transfer syntax of the pixels that are others now."""
        return self._now.transfer_syntax

    @property
    def _now(self) -> BlankedPixels:
        assert self.blanked is not None, "asked only of pixels that are others now"
        return self.blanked


def clean_pixels(stored: StoredFile, plan: PixelPlan) -> CleanedPixels:
    """Blank what a plan says, and see whether an object may go out.

    Parameters
    ----------
    stored : StoredFile
    plan : PixelPlan

    Raises
    ------
    SourceError
        ``DEID-BURNED-IN`` for an image that may have text burned in, and was not cleaned; ``SRC-SYNTAX`` for one to be
        blanked that cannot be decoded.
    ValuesError
        ``DEID-BOX`` for a box outside of the image; ``DEID-PIXELS``, ``DEID-PHOTOMETRIC`` and those of decoding.
    UsageError
        ``DEID-OCR`` if text shall be recognised and there is no tesseract.
    """
    instance = stored.instance
    if stored.pixels is None:
        return CleanedPixels()
    risks = risks_of(instance)
    said_clean = is_said_clean(instance)
    if not is_picture(risks):
        return _written(stored, (), CleanedPixels())
    blanks = list(named(instance, plan)) if plan.boxes or plan.us_regions or plan.templates else []
    reading = _read(stored, plan) if _is_looked_at(plan, risks, said_clean) else None
    if reading is not None and plan.ocr == "blank" and reading.areas:
        blanks.append(Blank(RECOGNISED, reading.areas))
    risks = tuple(_weighed(risks, reading))
    vouched = plan.burned_in == "vouched" or any(blank.method in _DETERMINISTIC for blank in blanks)
    cleaned = vouched or said_clean or plan.ocr == "blank"
    feared = [risk for risk in risks if risk.gate in (REFUSE, TEXT)]
    if feared and not cleaned and plan.burned_in == "refuse":
        raise _refused(instance, feared[0])
    skipped = bool(feared) and not cleaned and plan.burned_in == "skip"
    result = CleanedPixels(None, tuple(blanks), vouched, skipped, _told(risks, vouched or said_clean, plan), reading)
    return result if skipped else _written(stored, tuple(blanks), result)


def _without_comments(stored: StoredFile, result: CleanedPixels) -> CleanedPixels:
    """Take out what frames carry beside their samples; what cannot be told apart passes as it is."""
    if not stored.pixels:
        return result
    if not stored.pixels.head.endswith(_UNDEFINED):
        return _without_excess(stored, result)
    try:
        bare = without_comments(stored.instance, stored_value(stored), sample_layout(stored.instance))
    except ValuesError:
        return result
    return result if bare is None else replace(result, blanked=bare, risks=(*result.risks, _COMMENTS))


def _without_excess(stored: StoredFile, result: CleanedPixels) -> CleanedPixels:
    """Cut what stands behind the last native frame and is less than one: no viewer shows it, and it may be a text."""
    assert stored.pixels is not None, "asked only of what has pixels"
    value = stored.pixels.value
    length = value.length if isinstance(value, Passage) else len(value)
    try:
        layout = as_it_lies(sample_layout(stored.instance), length)
    except ValuesError:
        return result
    stated = layout.native_length + layout.native_length % 2
    excess = (length - stated) % max(1, layout.native_length // layout.frames)
    if length <= stated or not excess:
        return result
    whole = stored_value(stored)
    if not whole.value[-excess:].strip(b"\0"):
        return result
    cut = BlankedPixels(whole._replace(value=whole.value[: length - excess]), stored.transfer_syntax, {})
    return replace(result, blanked=cut, risks=(*result.risks, _BEHIND))


def stored_value(stored: StoredFile) -> StoredValue:
    """Return Pixel Data with all its bytes."""
    assert stored.pixels is not None, "asked only of what has pixels"
    value = stored.pixels.value
    if isinstance(value, Passage):
        value = b"".join(value.chunks())
    return StoredValue(stored.pixels.vr, bytes(value), stored.pixels.head[-4:] == _UNDEFINED)


def _written(stored: StoredFile, blanks: tuple[Blank, ...], result: CleanedPixels) -> CleanedPixels:
    """Blank, and take out what was put into unused bits of the pixels."""
    if not blanks and not embedded_positions(stored.instance):
        return _without_comments(stored, result)
    layout = sample_layout(stored.instance)
    bits = embedded_overlays(stored.instance, layout)
    areas = tuple(dict.fromkeys(area for blank in blanks for area in blank.areas))
    if not areas and not bits:
        return _without_comments(stored, result)
    written = blanked(stored.instance, stored_value(stored), layout, ToBlank(areas, bits))
    return replace(result, blanked=written, risks=(*result.risks, _OVERLAY) if bits else result.risks)


def _is_looked_at(plan: PixelPlan, risks: tuple[PictureRisk, ...], said_clean: bool) -> bool:
    if plan.ocr in ("report", "blank"):
        return True
    return not plan.ocr and not said_clean and any(risk.look and risk.gate == TEXT for risk in risks)


def _read(stored: StoredFile, plan: PixelPlan) -> Reading:
    """Look for text; where that only reports, what cannot be decoded stops nothing: it is said that nobody looked."""
    try:
        return read(stored_value(stored), stored.instance, plan)
    except (SourceError, ValuesError):
        if plan.ocr == "blank":
            raise
        return Reading(not_looked=True)


def _weighed(risks: tuple[PictureRisk, ...], reading: Reading | None) -> list[PictureRisk]:
    """Leave out of the risks those that need text, where none was found; where nobody could look, it is said."""
    found = []
    for risk in risks:
        if risk.gate != TEXT or (reading is not None and reading.is_text):
            found.append(risk)
        elif reading is None or reading.not_looked:
            found.append(PictureRisk(risk.name, TELL, False, "nobody has looked for text in it"))
    if reading is not None and reading.not_looked and all(risk.gate != TEXT for risk in risks):
        found.append(PictureRisk("text", TELL, False, "nobody could look for text in it"))
    if reading is not None and reading.is_text and all(risk.gate not in (REFUSE, TEXT) for risk in found):
        found.append(PictureRisk("text", TELL, False, "text was recognised in it"))
    return found


def _told(risks: tuple[PictureRisk, ...], answered: bool, plan: PixelPlan) -> tuple[PictureRisk, ...]:
    """Risks that are left: for text nobody fears what somebody answers for."""
    return tuple(risk for risk in risks if risk.gate == FACE or not answered)


def _refused(instance: Instance, risk: PictureRisk) -> SourceError:
    return SourceError(
        "DEID-BURNED-IN",
        f"{instance.name}: {risk.meaning}, and nothing has cleaned it. Blank what is in it (by "
        f"{flag('blank', 'X,Y,W,H')}, {flag('us_regions', 'keep')}, {flag('templates', 'FILE')} or "
        f"{flag('ocr', 'blank')}), or say what is to become of it: {flag('burned_in', 'skip')} leaves it out, "
        f"{flag('burned_in', 'keep')} lets it go as it is, {flag('burned_in', 'vouched')} says that a person "
        "has looked and found none",
    )
