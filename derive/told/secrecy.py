"""What a message may show: whatever is written to a person goes through here, and no value of a file gets by.

A message holds what people need to find and mend a fault: file names, keywords, numbers of geometry, UIDs that are
legal, and terms that the standard or we know. A value of a file is none of these until it is known to be one (PS3.15
E.1.1 lists where whose images they are stands, and damaged files have it anywhere): :func:`shown_uid` and
:func:`shown_term` decide. :func:`told` is the way of every text: no control characters, at most 2,000 characters.

May import nothing of ours. To quote another kind of value, add a function here that decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

#: Characters that a message has at most.
LONGEST_MESSAGE = 2000
#: A word of more is cut in its middle: a path, or what a damaged file has for a name.
LONGEST_WORD = 256
#: A UID as PS3.5 9.1 has it; those that begin with another arc than 0, 1 or 2 are dates and telephone numbers.
_UID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_WORD = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")
#: Kinds of characters that draw nothing, or change how others are drawn: controls, formats, halves of pairs, private.
_UNSEEN = frozenset(["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"])


def told(text: str) -> str:
    """Return a text as a message may have it: line feeds are its only control characters, and it is not too long."""
    return cut(clean(text))


def clean(text: str, kept: str = "\n") -> str:
    r"""Write out what a terminal would obey: control characters, and bytes of names that are no characters.

    Examples
    --------
    >>> print(clean("a\x1b[2Jb\udcff.dcm"))
    a\x1b[2Jb\xff.dcm
    """
    if text.isprintable():
        return text
    return "".join(c if c in kept or c.isprintable() else _written_out(c) for c in text)


def _written_out(character: str) -> str:
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:  # a byte of a file name, as Python has it (PEP 383)
        return f"\\x{number - 0xDC00:02x}"
    if unicodedata.category(character) not in _UNSEEN:
        return character  # a blank of another width
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def cut(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Shorten a text: first its long words, then the middle of its lists, then whatever it ends with.

    Examples
    --------
    >>> cut("wanted " + ", ".join(f"name{n}" for n in range(30)) + "; take it out", 80)
    'wanted name0, name1, name2, and 25 more, name28, name29; take it out'
    """
    if len(text) <= longest:
        return text
    text = _WORD.sub(lambda word: f"{word[0][:96]}...{word[0][-64:]}", text)
    for between, more in (("\n", "\n  and {} more\n"), ("; ", "; and {} more; "), (", ", ", and {} more, ")):
        if len(text) > longest:
            text = _folded(text, between, more, longest)
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _folded(text: str, between: str, more: str, longest: int) -> str:
    """Leave out the middle of a list: its beginning says what it is, its end what to do."""
    parts = text.split(between)
    if len(parts) < 6:
        return text
    room = longest - len(more) - 6 - len(between.join(parts[-2:]))
    first = 1
    while first < len(parts) - 3 and len(between.join(parts[: first + 1])) <= room:
        first += 1
    return between.join(parts[:first]) + more.format(len(parts) - first - 2) + between.join(parts[-2:])


def shown_uid(text: str) -> str:
    """Return a UID for a message; of what is none only that, and how long it is.

    Examples
    --------
    >>> shown_uid("1.2.840.10008.1.2"), shown_uid("1.2.3 DOE^JANE"), shown_uid("")
    ('1.2.840.10008.1.2', '(14 characters that are no UID)', '(none)')
    """
    if not text:
        return "(none)"
    legal = len(text) <= 64 and _UID.fullmatch(text)
    return text if legal else f"({len(text)} characters that are no UID)"


def shown_term(text: str, known: Collection[str]) -> str:
    """Return a term for a message if it is one of those that are known, whatever its case.

    Examples
    --------
    >>> shown_term("hu", ["HU", "US"]), shown_term("DOE^JANE", ["HU", "US"]), shown_term("", [])
    ('hu', '(another term)', '(none)')
    """
    if not text:
        return "(none)"
    return text if text.upper() in {k.upper() for k in known} else "(another term)"


def shown_code_strings(text: str) -> str:
    r"""Return code strings (VR CS) for a list of attributes, if they are legal; of others that they are none.

    Examples
    --------
    >>> print(shown_code_strings("ORIGINAL\\PRIMARY"), shown_code_strings("Doe^Jane"))
    ORIGINAL\PRIMARY (no code string)
    """
    legal = all(re.fullmatch(r"[A-Z0-9 _]{0,16}", value) for value in text.split("\\"))
    return text if legal else "(no code string)"


def shown_number(text: str) -> str:
    """Return a number for a message; of what is none only that.

    Examples
    --------
    >>> shown_number("12"), shown_number("DOE^JANE"), shown_number("")
    ('12', '(no number)', '(none)')
    """
    if not text:
        return "(none)"
    return text if re.fullmatch(r"[-+]?[0-9]{1,6}(\.[0-9]{1,6})?", text) else "(no number)"


def some(names: Sequence[str], most: int = 4) -> str:
    """Name the first few, and say how many more there are.

    Examples
    --------
    >>> some(["a", "b", "c", "d"], 2)
    'a, b and 2 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
