"""The type that an attribute has in an IOD, at any depth, for every storage SOP class."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from derive.standard._iods import TYPES
from derive.standard._tables import REPEATING, rows

_OVERRIDES = "!"
_UNKNOWN = "?"


class TypeRule(NamedTuple):
    """What one module says of an attribute.

    Parameters
    ----------
    module : str
        Lower case with hyphens: ``general-study``.
    usage : str
        Of that module in the IOD: ``M``, ``C`` or ``U``.
    type : str
        ``1``, ``1C``, ``2``, ``2C`` or ``3``.
    overrides : bool
        Whether the standard says that this type replaces that of the other modules.
    """

    module: str
    usage: str
    type: str
    overrides: bool = False


class _Entry(NamedTuple):
    kind: str
    items: str
    overrides: bool


def type_of(sop_class_uid: str, path: tuple[int, ...]) -> str | None:
    """Return the type of an attribute in an IOD.

    Parameters
    ----------
    sop_class_uid : str
    path : tuple of int
        The tags of the sequences that hold it, the outermost first, and its own.

    Returns
    -------
    str or None
        ``1``, ``1C``, ``2``, ``2C`` or ``3``; empty where the IOD is known and does not have it there; None where the
        IOD is not known as a whole, or may hold anything there (Modified Attributes Sequence).

    Notes
    -----
    The strictest type of all modules that have it, those that an instance may do without included (2026-11-30): an
    attribute that is there tells that its module is, and without what is of type 1 the module were no longer valid.
    """
    found = rules_of(sop_class_uid, path)
    if found is None:
        return None
    overriding = [rule for rule in found if rule.overrides]
    return min((rule.type for rule in overriding or found), key=TYPES.index, default="")


def rules_of(sop_class_uid: str, path: tuple[int, ...]) -> tuple[TypeRule, ...] | None:
    """Return what each module of an IOD says of an attribute; None where the IOD is not known, or may hold anything.

    See :func:`type_of` for the parameters.
    """
    if sop_class_uid not in _iods():
        return None
    held = [(module, usage, module) for module, usage in _modules(sop_class_uid)]
    whole = all(_entries(module) for module, *_ in held)
    for tag in path[:-1]:
        entries = [(module, usage, _entry(items, tag)) for module, usage, items in held]
        there = [(module, usage, entry) for module, usage, entry in entries if entry]
        held = [(module, usage, entry.items) for module, usage, entry in there if entry.items]
        if there and not held:
            return None
    last = ((module, usage, _entry(items, path[-1])) for module, usage, items in held)
    found = tuple(TypeRule(module, usage, entry.kind, entry.overrides) for module, usage, entry in last if entry)
    return found if found or whole else None


@cache
def module_tags(sop_class_uid: str) -> frozenset[int] | None:
    """Return the tags of all attributes of the modules of an IOD (of repeating groups the first); None if unknown."""
    if sop_class_uid not in _iods():
        return None
    return frozenset(tag for module, _ in _modules(sop_class_uid) for tag in _entries(module))


def typed_sop_classes() -> tuple[str, ...]:
    """Return the SOP Class UIDs whose types are known, in the order of the table."""
    return tuple(_iods())


def iod_name(sop_class_uid: str) -> str | None:
    """Return what an IOD is called (``ct-image``), or None where it is not known."""
    return _iods()[sop_class_uid][0] if sop_class_uid in _iods() else None


def sop_class_named(text: str) -> str | None:
    """Return the SOP Class UID that a text means, or None.

    Parameters
    ----------
    text : str
        A UID, whether its IOD is known or not; the name of an IOD (``ct-image``, ``CT Image Storage``,
        ``CTImageStorage``); or a modality (``CT``, ``RTSTRUCT``): then the class that most of its instances are of.

    Examples
    --------
    >>> sop_class_named("CT") == sop_class_named("ct-image") == sop_class_named("CTImageStorage")
    True
    """
    if text and not text.strip("0123456789."):
        return text
    folded = _folded(text)
    modalities = {name.casefold(): uid for name, uid in rows("kept_class_names")}
    names = {_folded(name): uid for uid, (name, _) in reversed(_iods().items())}
    return modalities.get(folded) or names.get(folded) or names.get(f"{folded}image")


def sop_class_names() -> tuple[str, ...]:
    """Return what a SOP class can be called besides its UID: modalities and names of IODs."""
    return (*(row[0] for row in rows("kept_class_names")), *dict.fromkeys(name for name, _ in _iods().values()))


def _folded(text: str) -> str:
    plain = "".join(c for c in text.casefold() if c.isalnum())
    for word in ("forpresentation", "forprocessing", "storage", "waveform"):
        plain = plain.removesuffix(word)
    return plain


@cache
def _iods() -> dict[str, tuple[str, str]]:
    return {uid: (name, modules) for uid, name, modules in rows("type_iods")}


@cache
def _modules(sop_class_uid: str) -> tuple[tuple[str, str], ...]:
    uses = (use.partition("=") for use in _iods()[sop_class_uid][1].split())
    return tuple((module, usage) for module, _, usage in uses)


@cache
def _texts() -> dict[str, str]:
    return {row[0]: row[1] for row in rows("type_items")}


@cache
def _entries(items: str) -> dict[int, _Entry]:
    found = {}
    for told in _texts()[items].replace(_UNKNOWN, "").split():
        tag, _, rest = told.partition("=")
        kind, _, below = rest.partition(">")
        found[int(tag.replace(REPEATING, "00"), 16)] = _Entry(kind.rstrip(_OVERRIDES), below, _OVERRIDES in kind)
    return found


def _entry(items: str, tag: int) -> _Entry | None:
    entries = _entries(items)
    if tag in entries:
        return entries[tag]
    group = tag >> 16
    # Overlays: any even group 6000 to 601E has what the first has (PS3.5 7.6).
    return entries.get(tag & 0xFF00FFFF) if group & 0xFFE1 == 0x6000 else None
