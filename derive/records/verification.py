"""What a verification found: whether a series is what its record says, or the series of a folder are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from derive.records.compare import ImageVerdict
from derive.records.record import RecordedStep
from derive.version import VERSION

Verdict = Literal["SAME", "DIFFERS", "NOT-RECOMPUTABLE"]
#: What a folder is, of whose series any is that.
_WORST: tuple[Verdict, ...] = ("DIFFERS", "NOT-RECOMPUTABLE")
_SHOWN = 5


class NotRecomputableError(Exception):
    """Why a series cannot be computed again."""


@dataclass(frozen=True)
class Verification:
    """Whether a series is what its record says.

    Parameters
    ----------
    verdict : {"SAME", "DIFFERS", "NOT-RECOMPUTABLE"}
    reason : str
        In words; empty where it is the same.
    series_instance_uid : str
    steps : tuple of RecordedStep
        Those that were done to the sources; all that are recorded where no source is at hand.
    recorded_version : str
        Software Versions of the files.
    source_series : str
        Series that the steps were done to.
    sources : (referenced, at hand, used)
        How many source images.
    missing : tuple of str
        SOP Instance UIDs of those that are referenced and not at hand.
    images : tuple of ImageVerdict
        One a written image; none where nothing was computed.
    notes : tuple of str
    series : tuple of Verification
        Where a folder holds several series of ours: each of them; the rest is of all of them together.
    """

    verdict: Verdict
    reason: str
    series_instance_uid: str
    steps: tuple[RecordedStep, ...] = ()
    recorded_version: str = ""
    source_series: str = ""
    sources: tuple[int, int, int] = (0, 0, 0)
    missing: tuple[str, ...] = ()
    images: tuple[ImageVerdict, ...] = ()
    notes: tuple[str, ...] = ()
    series: tuple[Verification, ...] = ()

    @property
    def same(self) -> bool:
        """Whether everything is what the record says."""
        return self.verdict == "SAME"

    @property
    def differing(self) -> tuple[ImageVerdict, ...]:
        """Images that are not what the record says."""
        return tuple(i for i in self.images if not i.same)

    def __str__(self) -> str:
        """Return the verdict, why, and the first images that differ; of several series one after another."""
        if self.series:
            whole = f"{self.verdict}: {self.reason or f'all {len(self.series)} series'}"
            return "\n\n".join([*(f"series {v.series_instance_uid}\n{v}" for v in self.series), whole])
        lines = [f"{self.verdict}{': ' if self.reason else ''}{self.reason}"]
        lines += [f"  step    {s.shown.text}" + (f"  ({s.why_not})" if s.why_not else "") for s in self.steps]
        referenced, at_hand, used = self.sources
        lines.append(f"  sources {referenced} referenced, {at_hand} at hand, {used} used")
        lines += [f"  missing {uid}" for uid in self.missing[:_SHOWN]]
        lines += [f"  {i.name}: {'; '.join(i.faults)}" for i in self.differing[:_SHOWN]]
        more = len(self.differing) - _SHOWN
        return "\n".join(
            [*lines, *([f"  and {more} more images"] if more > 0 else []), *map("  note    {}".format, self.notes)]
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return {
            "schema": "derive-verify/1",
            "verdict": self.verdict,
            "reason": self.reason,
            "series_instance_uid": self.series_instance_uid,
            "version": {"recorded": self.recorded_version, "running": VERSION},
            "steps": [s.shown.to_json() for s in self.steps],
            "sources": dict(zip(("referenced", "at_hand", "used"), self.sources, strict=True))
            | {"series_instance_uid": self.source_series, "missing": list(self.missing)},
            "images": [i.to_json() for i in self.images],
            "notes": list(self.notes),
        } | ({"series": [v.to_json() for v in self.series]} if self.series else {})


def together(found: Sequence[Verification]) -> Verification:
    """Return one verification of several series: the same where all are, and the worst verdict of any.

    Parameters
    ----------
    found : sequence of Verification
        At least one; a single one is returned as it is.
    """
    first, *others = found
    if not others:
        return first
    verdict: Verdict = next((v for v in _WORST for each in found if each.verdict == v), "SAME")
    off = [each for each in found if not each.same]
    named = ", ".join(each.series_instance_uid for each in off[:_SHOWN])
    more = f" and {len(off) - _SHOWN} more" if len(off) > _SHOWN else ""
    referenced, at_hand, used = (sum(each.sources[k] for each in found) for k in range(3))
    return replace(
        first,
        verdict=verdict,
        reason=f"{len(off)} of {len(found)} series: {named}{more}" if off else "",
        sources=(referenced, at_hand, used),
        missing=tuple(dict.fromkeys(uid for each in found for uid in each.missing)),
        images=tuple(image for each in found for image in each.images),
        notes=tuple(dict.fromkeys(note for each in found for note in each.notes)),
        series=tuple(found),
    )
