"""Images by what they say."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from derive.reading.header import Header
from derive.told.wording import counted


def distinct(headers: Sequence[Header], key: Callable[[Header], Hashable]) -> dict[Any, list[Header]]:
    """Group images by a value."""
    groups: dict[Any, list[Header]] = {}
    for header in headers:
        groups.setdefault(key(header), []).append(header)
    return groups


def tallied(groups: dict[Any, list[Header]], shown_as: Callable[[str], str] = str, shown: int = 4) -> str:
    """Say how many images have which value, as a message may show it, and name one of each."""
    parts = [
        f"{shown_as(value) if value else 'none'} "
        f"({counted(len(members), 'image')}, e.g. {min(h.name for h in members)})"
        for value, members in list(groups.items())[:shown]
    ]
    more = f" and {len(groups) - shown} more" if len(groups) > shown else ""
    return ", ".join(parts) + more
