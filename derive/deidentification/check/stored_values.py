"""The judge of Pixel Data: bit-equal where nobody asked to clean it, and nothing of an overlay in its unused bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from derive.deidentification.check.frames import frames_of
from derive.deidentification.check.links import Links
from derive.deidentification.check.pair import Pair
from derive.deidentification.check.violation import Violation
from derive.deidentification.check.walk import PIXEL_DATA, Walked

_ALLOCATED, _STORED, _HIGH = 0x00280100, 0x00280101, 0x00280102
_SYNTAX = 0x00020010


def pixel_violations(pair: Pair, links: Links) -> Iterator[Violation]:
    """Judge the stored values of a written file."""
    now = _pixels(pair.output)
    if now is None:
        return
    before = _pixels(pair.original) if pair.original else None
    same = before is not None and now == before
    if _has_embedded_overlay(pair) and not pair.demands.profile.has("graphics") and _unused(pair.output, now):
        yield pair.told("DCK-OVERLAY", "PixelData")
    if same or before is None or pair.original is None or pair.vouched or pair.demands.profile.has("pixels"):
        return
    if _syntax(pair.original) != _syntax(pair.output) or not (pair.original.as_written and pair.output.as_written):
        return  # encoded otherwise: whoever decodes both compares them
    after, first = _used(pair.output, now), _used(pair.original, before)
    if after is None or first is None:
        if frames_of(now).coded != frames_of(before).coded:
            yield pair.told("DCK-PIXELS", "PixelData")
    elif len(before) - len(now) >= max(1, _frame_length(pair.output)) or not np.array_equal(after, first[: len(after)]):
        yield pair.told("DCK-PIXELS", "PixelData")


def _pixels(walked: Walked) -> bytes | None:
    leaf = walked.at(PIXEL_DATA).get(())
    return walked.data[leaf.start : leaf.stop] if leaf else None


def _has_embedded_overlay(pair: Pair) -> bool:
    """Whether the original has an overlay without data of its own: they are bits of Pixel Data (retired)."""
    groups: dict[int, set[int]] = {}
    for spot in pair.before:
        if spot.above is None and spot.tag >> 24 == 0x60 and not spot.is_private:
            groups.setdefault(spot.tag >> 16, set()).add(spot.tag & 0xFFFF)
    return any(0x3000 not in elements and 0x0010 in elements for elements in groups.values())


def _mask(walked: Walked) -> tuple[str, int] | None:
    """Return how native samples lie, and which of their bits are used; None for what is not native."""
    numbers = [int.from_bytes(_value(walked, tag), "little") for tag in (_ALLOCATED, _STORED, _HIGH)]
    allocated, stored, high = numbers
    if allocated not in (8, 16) or not 0 < stored <= allocated or walked.meta.get(_SYNTAX, b"")[:20] == b"":
        return None
    if not _syntax(walked).startswith("1.2.840.10008.1.2") or _syntax(walked).startswith("1.2.840.10008.1.2.4"):
        return None
    return f"<u{allocated // 8}", ((1 << stored) - 1) << max(0, high + 1 - stored)


def _used(walked: Walked, pixels: bytes) -> np.ndarray | None:
    mask = _mask(walked)
    if mask is None:
        return None
    samples: np.ndarray = np.frombuffer(pixels[: len(pixels) // 2 * 2], mask[0])
    used: np.ndarray = samples & np.array(mask[1], mask[0])
    return used


def _frame_length(walked: Walked) -> int:
    """Return how many bytes a native frame has: less than that may have gone, if it stood behind the last one."""
    rows, columns, samples, allocated = (
        int.from_bytes(_value(walked, tag), "little") for tag in (0x00280010, 0x00280011, 0x00280002, _ALLOCATED)
    )
    return rows * columns * samples * allocated // 8


def _unused(walked: Walked, pixels: bytes) -> bool:
    """Whether any bit is set that no stored value uses, and that is not its sign."""
    mask = _mask(walked)
    if mask is None:
        return False
    samples = np.frombuffer(pixels[: len(pixels) // 2 * 2], mask[0])
    unused = samples & ~np.array(mask[1], mask[0])
    signed = _value(walked, 0x00280103) == b"\1\0"
    return bool(unused.any()) and not (signed and _is_sign_extended(samples, mask))


def _is_sign_extended(samples: np.ndarray, mask: tuple[str, int]) -> bool:
    top = mask[1] + (mask[1] & -mask[1]) >> 1
    above = ~np.array(mask[1] | (mask[1] & -mask[1]) - 1, mask[0])
    return bool(np.array_equal(samples & above, np.where(samples & top, above, 0).astype(mask[0])))


def _value(walked: Walked, tag: int) -> bytes:
    leaf = walked.at(tag).get(())
    return walked.value(leaf) if leaf else b""


def _syntax(walked: Walked) -> str:
    return walked.meta.get(_SYNTAX, b"").strip(b" \0").decode("latin-1")
