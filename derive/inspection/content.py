"""What the values of a stack are, and how its files hold them (PS3.3 C.7.6.3, C.11; PS3.5 6.1, 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydicom.charset import python_encoding

from derive.elements.instance import different, spread
from derive.errors import DeriveError
from derive.model.classes import sop_class_uids, target_of
from derive.model.colours import SAMPLE
from derive.model.source import SourceSeries
from derive.model.stacking import in_colours, quantity_of
from derive.model.volume import known_units
from derive.pixels.codecs import CODECS, uid_of
from derive.reading.header import Header
from derive.reading.select import patient_of
from derive.told.secrecy import shown_term

#: So many different windows are listed.
MOST_WINDOWS = 8
_LOSS = {"none": "lossless", "possible": "lossless or lossy", "certain": "lossy"}


@dataclass(frozen=True)
class Syntax:
    """A transfer syntax.

    Parameters
    ----------
    uid, name : str
    compression : str
        ``none``, ``lossless``, ``lossy``, ``lossless or lossy``, ``compressed`` (no decoder here), or ``unknown``.
    files : int
    """

    uid: str
    name: str
    compression: str
    files: int


@dataclass(frozen=True)
class PixelDescription:
    """How stored values are encoded; None for what the images do not say."""

    bits_allocated: int | None
    bits_stored: int | None
    high_bit: int | None
    signed: bool | None
    samples: int | None
    photometric: str
    files: int


@dataclass(frozen=True)
class Values:
    """What stored values mean, and how they are shown.

    Parameters
    ----------
    units : str
        As the class says them (CT Rescale Type, PET Units, MR a UCUM code); empty where nobody does.
    encodings : tuple of PixelDescription
        The most frequent first.
    slope, intercept : (least, most), optional
        Of the rescale, or of the Real World Value Mapping where that is the rescale.
    paddings : tuple of (low, high)
        Stored values that are pixel padding.
    windows : tuple of (center, width)
        The most frequent first, at most 8.
    window_count : int
        How many different windows there are.
    """

    units: str
    encodings: tuple[PixelDescription, ...]
    slope: tuple[float, float] | None
    intercept: tuple[float, float] | None
    paddings: tuple[tuple[int, int], ...]
    windows: tuple[tuple[float, float], ...]
    window_count: int


@dataclass(frozen=True)
class Coding:
    """How the files are written.

    Parameters
    ----------
    syntaxes : tuple of Syntax
        The most frequent first.
    lossy : bool, optional
        Whether pixels were ever compressed with loss, by their transfer syntax or by what they say of
        themselves; None where only the codestream can tell.
    character_sets : tuple of str
        Specific Character Set, the most frequent first; empty is the default repertoire.
    """

    syntaxes: tuple[Syntax, ...]
    lossy: bool | None
    character_sets: tuple[str, ...]


def values_of(headers: Sequence[Header], frames: Sequence[Header], source: SourceSeries | None) -> Values:
    """Say what the values are; `source` is the series, where derive reads it."""
    windows = Counter(w for h in frames if (w := _window(h)) is not None)
    slope, intercept = (spread(frames, k) for k in ("RescaleSlope", "RescaleIntercept"))
    paddings = {p for h in frames if (p := _padding(h)) is not None}
    if source is not None:
        slopes, intercepts = zip(*(i.rescale for i in source.frames), strict=True)
        slope, intercept = (min(slopes), max(slopes)), (min(intercepts), max(intercepts))
        kept = (i.padding for i in source.frames if i.padding is not None)
        paddings = {
            (int(low), int(high)) for low, high in kept if float(low).is_integer()
        }  # NaN says itself what it is
    return Values(
        _units(headers, source),
        tuple(_encodings(headers)),
        slope,
        intercept,
        tuple(sorted(paddings)),
        tuple(w for w, _ in windows.most_common(MOST_WINDOWS)),
        len(windows),
    )


def coding_of(headers: Sequence[Header], source: SourceSeries | None) -> Coding:
    """Say how the files are written; `source` is the series, where derive reads it."""
    counted = Counter(h.transfer_syntax for h in headers)
    syntaxes = tuple(Syntax(uid, uid_of(uid).name, _compression(uid), n) for uid, n in counted.most_common())
    lossy: bool | None = any(s.compression == "lossy" for s in syntaxes) or "01" in different(
        headers, "LossyImageCompression"
    )
    if source is not None:
        lossy = lossy or any(i.lossy for i in source.frames)
    elif not lossy and any(s.compression not in ("none", "lossless") for s in syntaxes):
        lossy = None
    said = different(headers, "SpecificCharacterSet")
    return Coding(syntaxes, lossy, tuple(map(_character_sets, said)))


def _character_sets(text: str) -> str:
    """Those that PS3.3 C.12.1.1.2 defines; of others only that they are none."""
    return "\\".join(shown_term(name, python_encoding) if name else "" for name in text.split("\\"))


def _compression(uid: str) -> str:
    syntax = uid_of(uid)
    if not syntax.is_transfer_syntax:
        return "unknown"
    if not syntax.is_compressed:
        return "none"
    codec = CODECS.get(uid)
    return _LOSS[codec.loss] if codec else "compressed"


def _encodings(headers: Sequence[Header]) -> list[PixelDescription]:
    found = Counter(_encoding(h) for h in headers)
    return [replace(encoding, files=files) for encoding, files in found.most_common()]


def _encoding(header: Header) -> PixelDescription:
    keywords = ("BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel", "PixelRepresentation")
    allocated, stored, high, samples, sign = (header.integer(k) for k in keywords)
    signed = None if sign is None else sign == 1
    return PixelDescription(allocated, stored, high, signed, samples, header.text("PhotometricInterpretation"), 1)


def _window(header: Header) -> tuple[float, float] | None:
    center, width = header.numbers("WindowCenter"), header.numbers("WindowWidth")
    return (center[0], width[0]) if center and width else None


def _padding(header: Header) -> tuple[int, int] | None:
    first, limit = header.integer("PixelPaddingValue"), header.integer("PixelPaddingRangeLimit")
    if first is None:
        return None
    low, high = sorted((first, first if limit is None else limit))
    return low, high


def _units(headers: Sequence[Header], source: SourceSeries | None) -> str:
    try:
        if source is not None:
            return known_units(SAMPLE.units if in_colours(source) else quantity_of(source).units)
    except DeriveError:
        pass
    uid = headers[0].text("SOPClassUID")
    if uid not in sop_class_uids():
        return ""
    target = target_of(uid)
    said = different(headers, target.units_keyword) if target.units_keyword else ("",)
    return " and ".join(known_units(v) for v in said if v) or target.units


def patients(headers: Sequence[Header]) -> int:
    """How many patients there are, by Patient ID, its issuer and the name."""
    return len({patient_of(h) for h in headers})
