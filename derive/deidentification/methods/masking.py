"""Masks: characters of a text that are not to be read."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.charset import default_encoding

from derive.deidentification.engine.here import Here
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import text_element, texts_of
from derive.elements.charset import fits
from derive.elements.element import Element
from derive.errors import UsageError
from derive.standard.vr import CHARSET_VRS

MASK = "*"
#: What holds a name together (PS3.5 6.2.1.1).
_OF_NAMES = "^="


def _checked(settings: Mapping[str, object]) -> None:
    character = str(settings.get("character", MASK))
    if len(character) != 1 or not (character.isascii() and character.isprintable()) or character in "\\^=":
        raise UsageError("DEID-SETTING", "'character' is one printable character of ASCII that parts nothing in DICOM")
    for name in ("keep_first", "keep_last"):
        count = settings.get(name, 0)
        if not isinstance(count, int) or count < 0:
            raise UsageError("DEID-SETTING", f"{name!r} is how many characters stay")


@method(
    *("maskCharacters", "AE", "LO", "LT", "PN", "SH", "ST", "UC", "UT"),
    check=_checked,
    character=str,
    keep_first=int,
    keep_last=int,
    skip=str,
)
def mask_characters(element: Element, here: Here) -> Element | None:
    """Put a mask (``character``) over each character of its values.

    ``keep_first`` and ``keep_last`` say how many stay, ``skip`` which ones always do. Of a value that is too short to
    have both, none stays.
    """
    settings = here.settings
    first, last = settings.get("keep_first", 0), settings.get("keep_last", 0)
    skip = str(settings.get("skip", "")) + (_OF_NAMES if element.vr == "PN" else "")
    mask = str(settings.get("character", MASK))
    kept = (first if isinstance(first, int) else 0, last if isinstance(last, int) else 0)
    texts = texts_of(element, here.encodings)
    made = [masked_text(text, mask, kept, skip) for text in texts]
    if not fits("".join(made), here.encodings if element.vr in CHARSET_VRS else (default_encoding,)):
        # bytes that are no characters of the character set: none of them can stay
        made = [masked_text(text, mask, skip=_OF_NAMES) for text in texts]
    return text_element(element, made, here.encodings)


def masked_text(text: str, character: str = MASK, kept: tuple[int, int] = (0, 0), skip: str = "") -> str:
    """Return a text with a mask over its characters.

    Parameters
    ----------
    text : str
    character : str
    kept : (int, int)
        How many stay at its beginning and at its end.
    skip : str
        Characters that stay.

    Examples
    --------
    >>> masked_text("MRN-0815", kept=(0, 2), skip="-"), masked_text("ab", kept=(1, 1))
    ('***-**15', '**')
    """
    first, last = kept if sum(kept) < len(text) else (0, 0)
    end = len(text) - last
    return "".join(c if c in skip or not first <= at < end else character for at, c in enumerate(text))
