"""What is wanted of the pictures of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from derive.deidentification.pixels.box import Box
from derive.deidentification.templates.template import Template
from derive.errors import UsageError
from derive.told.wording import did_you_mean

US_REGIONS = ("", "keep")
#: Empty: text is looked for where ``risks.tsv`` asks for it, if tesseract is there.
OCR = ("", "off", "report", "blank")
OCR_TEXT = ("all", "sensitive")
BURNED_IN = ("refuse", "skip", "keep", "vouched")


@dataclass(frozen=True)
class PixelPlan:
    """What becomes of text in pictures.

    Parameters
    ----------
    boxes : tuple of Box
        They are blanked in every image.
    us_regions : str
        ``keep``: of an image with Sequence of Ultrasound Regions (0018,6011) all outside of them is blanked.
    templates : tuple of Template
        Those that are for an image say what is blanked in it.
    ocr : str
        ``report``: recognised text is said; ``blank``: and blanked; ``off``: nobody looks.
    ocr_text : str
        What of it counts: ``all``, or what is ``sensitive``: of this patient, or like a date, a number, a name.
    burned_in : str
        What becomes of an image that may have text burned in and was not cleaned: ``refuse`` it, ``skip`` it, ``keep``
        it and say so; ``vouched``: a person has looked, and there is none.
    """

    boxes: tuple[Box, ...] = ()
    us_regions: str = ""
    templates: tuple[Template, ...] = ()
    ocr: str = ""
    ocr_text: str = OCR_TEXT[0]
    burned_in: str = BURNED_IN[0]

    @property
    def blanks(self) -> bool:
        """Whether it blanks anything in any picture."""
        return bool(self.boxes or self.templates or self.us_regions or self.ocr == "blank")

    def of_option(self) -> PixelPlan:
        """Return what the Clean Pixel Data Option alone asks for: what is known of every picture without being told."""
        return self if self.blanks else replace(self, us_regions="keep")

    def __post_init__(self) -> None:
        for name, known in (("us_regions", US_REGIONS), ("ocr", OCR), ("ocr_text", OCR_TEXT), ("burned_in", BURNED_IN)):
            value = getattr(self, name)
            if value not in known:
                raise UsageError(
                    "DEID-PIXEL-PLAN",
                    f"{name} is {', '.join(filter(None, known))}; there is no {value!r}{did_you_mean(value, known)}",
                )
