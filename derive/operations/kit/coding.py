"""The code of what was done: of CID 7203 Image Derivation, or one that extends it (PS3.3 8.8, PS3.16 7.2.3)."""

from __future__ import annotations

import codes
from codes import Code
from derive.errors import UsageError
from derive.told.wording import flag


def declared_code(text: str) -> Code:
    """Return the code of a declaration: of CID 7203, or a concept that was in it and extends it now (PS3.16 7.2.3)."""
    group = codes.context_group(7203)
    former = (left.code for left in group.left if f"{left.code.scheme}:{left.code.value}" == text)
    return next(former, None) or derivation_code(text)


def derivation_code(text: str) -> Code:
    """Return a code of CID 7203, or an extension ``99SCHEME:VALUE:Meaning`` (PS3.3 8.8).

    Raises
    ------
    UsageError
        ``OP-CODE`` for a text that is neither, with the nearest matches.
    """
    scheme, _, rest = text.partition(":")
    value, _, meaning = rest.partition(":")
    if scheme.startswith("99"):
        if not (value and meaning and len(value) <= 16 and len(scheme) <= 16 and len(meaning) <= 64):
            raise UsageError(
                "OP-CODE",
                f"{text!r}: an extension of CID 7203 is written 99SCHEME:VALUE:Meaning, "
                "with at most 16, 16 and 64 characters",
            )
        return Code(value, scheme, meaning, "")
    try:
        return codes.context_group(7203).find(text)
    except codes.UnknownCode as error:
        raise UsageError(
            "OP-CODE", f"{error} ({flag('list_of_codes')}); or an extension, 99SCHEME:VALUE:Meaning"
        ) from None
