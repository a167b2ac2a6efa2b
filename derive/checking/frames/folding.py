"""Findings of many frames, told once each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from derive.checking.finding import Finding
from derive.elements.element import keyword_of
from derive.model.functional_groups import PER_FRAME
from derive.told.wording import counted

_FRAME = re.compile(rf"^{keyword_of(PER_FRAME)}>item \d+")


class Folded:
    """Findings of the frames of one instance: what several frames have is told of the first, with their count.

    Parameters
    ----------
    frames : int
        How many there are.
    """

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._first: dict[tuple[str, str, str], Finding] = {}
        self._counts: dict[tuple[str, str, str], int] = {}

    def add(self, finding: Finding) -> None:
        """Take a finding of one frame."""
        key = finding.code, _FRAME.sub("", finding.path), finding.rule
        self._first.setdefault(key, finding)
        self._counts[key] = self._counts.get(key, 0) + 1

    def findings(self) -> Iterator[Finding]:
        """Give each once."""
        for key, finding in self._first.items():
            count = self._counts[key]
            of_frames = _FRAME.match(finding.path) is not None and count > 1
            message = f"{finding.message}; the same in {count} of {counted(self._frames, 'frame')}"
            yield replace(finding, message=message) if of_frames else finding
