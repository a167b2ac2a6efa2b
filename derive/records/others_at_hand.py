"""What went into a step as another source, found again among what is at hand: by its UIDs, files by their digest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import islice
from pathlib import Path

from derive.errors import DeriveError
from derive.formats import is_picture, is_volume_or_picture
from derive.formats.volume import read_volume
from derive.model.file_volume import FileVolume
from derive.model.segmentation import Segmentation
from derive.model.source import SourceSeries
from derive.model.volume import Volume
from derive.operations.kit.others import DIGEST, Joined
from derive.reading.files import Files
from derive.reading.header import Header
from derive.reading.segmentations import is_segmentation, segmentation_of
from derive.records.record import SourceImage
from derive.records.sources_tried import SourcesTried, frames_named
from derive.records.verification import NotRecomputableError
from derive.told.wording import flag

#: How many files of a folder are tried.
_TRIED = 200


def other_of(
    recorded: str,
    beside: SourceSeries,
    at_hand: Mapping[str, Header],
    named: Sequence[SourceImage],
    sources: Files | None,
) -> SourceSeries | Segmentation | Volume:
    """Return another source of a step.

    Parameters
    ----------
    recorded : str
        Its Series Instance UID, or the digest of the values of a file.
    beside : SourceSeries
        The series that the step was done to.
    at_hand : mapping SOP Instance UID -> Header
    named : sequence of SourceImage
        What the images name of others.
    sources : path, or iterable of paths, optional
        Files, and folders that hold them.

    Raises
    ------
    NotRecomputableError
        If it is not at hand, or cannot be read.
    """
    if recorded.startswith(DIGEST):
        volume = volume_recorded(recorded, sources, beside)
        if volume is None:
            raise NotRecomputableError(
                "values of a file or an array entered, of which the record has a digest, and no file at hand has it; "
                f"give it with {flag('sources')}"
            )
        return volume
    members = {uid: h for uid, h in at_hand.items() if h.text("SeriesInstanceUID") == recorded}
    if any(map(is_segmentation, members.values())):
        return _segmentation(members, {s.sop_instance_uid for s in named})
    tried = SourcesTried(members, frames_named(s for s in named if s.sop_instance_uid in members), {})
    if tried.first is None:
        reason = tried.error.partition("\n")[0] or "it is not at hand"
        raise NotRecomputableError(f"series {recorded}, whose values entered, cannot be read: {reason}")
    return tried.first


def _segmentation(members: Mapping[str, Header], named: Set[str]) -> Segmentation:
    """Return the one of some segmentations that is referred to."""
    found = sorted(named & members.keys() or members.keys())
    if len(found) > 1:
        raise NotRecomputableError(f"{len(found)} segmentations are in the series, and nothing tells which entered")
    try:
        return segmentation_of(members[found[0]])
    except DeriveError as error:
        raise NotRecomputableError(f"the segmentation cannot be read: {error}") from error


def volume_recorded(recorded: str, sources: Files | None, beside: SourceSeries) -> FileVolume | None:
    """Return the volume of a file whose values have a digest; None where no file at hand does.

    Parameters
    ----------
    recorded : str
        As the step has it: ``values sha256:HEX``, and units behind it unless they are 1.
    sources : path, or iterable of paths, optional
        Files, and folders that hold them.
    beside : SourceSeries
        The series that the step was done to.
    """
    units = recorded.removeprefix(DIGEST).partition(" ")[2] or "1"
    for path in islice(_files(sources), _TRIED):
        try:
            volume = read_volume(path, beside, units=units)
        except DeriveError:
            continue
        if Joined(volume, (volume,)).recorded == recorded:
            return volume
    return None


def _files(sources: Files | None) -> Iterator[Path]:
    named = [] if sources is None else [sources] if isinstance(sources, str | Path) else sources
    for path in map(Path, named):
        below = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        yield from (p for p in below if is_volume_or_picture(p) and not is_picture(p))
