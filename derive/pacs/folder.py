"""A folder, and a list, as receivers: for exchange by file, and for dry runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from derive.errors import NetworkError
from derive.pacs.outcome import Category, Result
from derive.pacs.sendable import Sendable


class FolderSender:
    """Copies instances into a folder, each at once or not at all; what is there with other bytes is kept, and refused.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, sendables: Sequence[Sendable]) -> Iterator[Result]:
        """Copy instances; give the result of each.

        Raises
        ------
        NetworkError
            ``NET-FOLDER`` if nothing can be written there.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NetworkError("NET-FOLDER", f"{self._folder} cannot be written: {error.strerror}") from error
        for sendable in sendables:
            yield self._copied(sendable)

    def _copied(self, sendable: Sendable) -> Result:
        target = self._folder / f"{sendable.sop_instance_uid}.dcm"
        data = sendable.read()
        if target.exists():
            same = target.read_bytes() == data
            comment = "it was there already" if same else "another instance of this UID is there"
            return result_of(sendable, Category.STORED if same else Category.REFUSED, comment)
        part = target.with_name(f".{target.name}.part")
        try:
            part.write_bytes(data)
            os.replace(part, target)
        except OSError as error:
            part.unlink(missing_ok=True)
            return result_of(sendable, Category.UNSENT, f"it cannot be written: {error.strerror}")
        return result_of(sendable, Category.STORED)


class RecordingSender:
    """Sends nothing, and remembers what it was given: for dry runs and tests."""

    def __init__(self) -> None:
        self.sendables: list[Sendable] = []

    def send(self, sendables: Sequence[Sendable]) -> Iterator[Result]:
        """Remember instances."""
        for sendable in sendables:
            self.sendables.append(sendable)
            yield result_of(sendable, Category.UNSENT, "dry run: nothing was sent")


def result_of(sendable: Sendable, category: Category, comment: str = "") -> Result:
    """Return the result of an instance that no protocol gave a status."""
    return Result(sendable.sop_instance_uid, sendable.sop_class_uid, sendable.name, category, None, comment)
