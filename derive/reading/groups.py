"""Images by what they say, and how a few of many are named in a message."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from derive.reading.header import Header


def distinct(headers: Sequence[Header], key: Callable[[Header], Hashable]) -> dict[Any, list[Header]]:
    """Group images by a value."""
    groups: dict[Any, list[Header]] = {}
    for header in headers:
        groups.setdefault(key(header), []).append(header)
    return groups


def counted(groups: dict[Any, list[Header]], shown: int = 4) -> str:
    """Say how many images have which value, and name one of each."""
    parts = [
        f"{value or 'none'} ({len(members)} images, e.g. {min(h.name for h in members)})"
        for value, members in list(groups.items())[:shown]
    ]
    more = f" and {len(groups) - shown} more" if len(groups) > shown else ""
    return ", ".join(parts) + more


def some(names: Sequence[str], shown: int = 4) -> str:
    """Name a few."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(sorted(names)[:shown]) + more
