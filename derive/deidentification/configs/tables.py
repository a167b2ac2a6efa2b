"""What is read of the tables of a configuration, each refused with its place where it is not what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from derive.errors import UsageError
from derive.told.wording import did_you_mean

Said = TypeVar("Said")
#: Types, as people call them.
_CALLED = {str: "a text", int: "a whole number", bool: "true or false", list: "a list", dict: "a table"}


def known_keys(table: Mapping[str, Any], known: Iterable[str], place: str) -> None:
    """Refuse a table that says something unknown.

    Raises
    ------
    UsageError
        ``DEID-CONFIG``.
    """
    names = [*known]
    if unknown := [key for key in table if key not in names]:
        near = did_you_mean(unknown[0], names)
        raise UsageError("DEID-CONFIG", f"{place}: there is no {unknown[0]!r}{near}; there are {', '.join(names)}")


def said_of(table: Mapping[str, Any], key: str, kind: type[Said], place: str, otherwise: Said) -> Said:
    """Return what a table says of a key.

    Raises
    ------
    UsageError
        ``DEID-CONFIG`` for a value of another type.
    """
    value = table.get(key, otherwise)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UsageError("DEID-CONFIG", f"{place}: {key} is {_CALLED[kind]}, not {str(value)[:40]!r}")
    return value


def texts_of(table: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    """Return the texts that a table says of a key: one, a list, or none.

    Raises
    ------
    UsageError
        ``DEID-CONFIG``.
    """
    value = table.get(key, [])
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise UsageError("DEID-CONFIG", f"{place}: {key} is a text, or a list of them")
    return tuple(values)


def tables_of(table: Mapping[str, Any], key: str, place: str) -> tuple[Mapping[str, Any], ...]:
    """Return the tables of a list of them.

    Raises
    ------
    UsageError
        ``DEID-CONFIG``.
    """
    values = table.get(key, [])
    if not isinstance(values, list) or not all(isinstance(v, Mapping) for v in values):
        raise UsageError("DEID-CONFIG", f"{place}: {key} is a list of tables")
    return tuple(values)


def table_of(table: Mapping[str, Any], key: str, place: str) -> Mapping[str, Any]:
    """Return the table of a key; an empty one where nothing is said.

    Raises
    ------
    UsageError
        ``DEID-CONFIG``.
    """
    return said_of(table, key, dict, place, {})
