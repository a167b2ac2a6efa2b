"""How pixels can be compressed: each method with what it can say, who encodes it, and what it needs (PS3.5 8.2, A.4).

``compressions.tsv`` has a row for each, with and without loss: its transfer syntax; who encodes it, and what that
takes beyond what derive always has; how many Bits Allocated it takes, and whether Bits Stored have to be all of them;
whether it takes signed values, all or inside the ends; the fewest rows and columns; what colours become (PS3.5 8.2.1
to 8.2.4); the Defined Term that says it of an image that lost something (PS3.3 C.7.6.1.1.5.1); and whether its setting
bounds the error. Who decodes is :mod:`derive.pixels.codecs`: another library, or another build of one, in every row.

Nothing heavy is imported: a derivation holds such a value, and so does the help of a command.

*2026-12-01.* The encoder of high throughput states the precision of the words, so that Bits Stored have to be all of
them: decoders that believe the code stream would say more than there are.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, NamedTuple

from derive.errors import UsageError
from derive.pixels.encode import PixelFormat
from derive.told.wording import flag

if TYPE_CHECKING:
    from derive.pixels.samples import SampleLayout

DEFLATED = "deflated"


class CompressionRow(NamedTuple):
    """A line of the table."""

    method: str
    lossy: bool
    transfer_syntax: str
    encoder: str
    needs: tuple[str, ...]
    bits: frozenset[int]
    all_stored: bool
    signed: str
    least_side: int
    colour: str
    term: str
    bounded: bool


@cache
def rows() -> Mapping[tuple[str, bool], CompressionRow]:
    """All methods, each by whether it loses something."""
    text = files("derive.pixels").joinpath("compressions.tsv").read_text(encoding="utf-8")
    found = {}
    for line in csv.DictReader(text.splitlines(), delimiter="\t"):
        lossy, bits = line["loss"] == "yes", frozenset(map(int, line["bits"].split()))
        found[line["method"], lossy] = CompressionRow(
            line["method"],
            lossy,
            line["transfer_syntax"],
            line["encoder"],
            tuple(line["needs"].split()),
            bits,
            line["stored"] == "all",
            line["signed"],
            int(line["least_side"]),
            line["colour"],
            line["term"],
            line["bounded"] == "yes",
        )
    return found


def methods(*, lossy: bool = False) -> tuple[str, ...]:
    """Return the methods that lose something, or those that lose nothing."""
    return tuple(method for method, loses in rows() if loses == lossy)


def is_installed(row: CompressionRow) -> bool:
    """Whether what a method needs is there."""
    return all(find_spec(name) is not None for name in row.needs)


@dataclass(frozen=True)
class Compression:
    """How pixels are encoded when they are written.

    Parameters
    ----------
    method : {"jpeg2000", "jpeg-ls", "rle", "htj2k", "deflated", "jpeg"}
    setting : float, optional
        Of a method with loss: the ratio of JPEG 2000, the largest error of JPEG-LS in stored values, the quality of
        JPEG from 1 to 100. None: without loss.
    padding : {"keep", "drop"}
        Whether pixel padding has to be told from values behind a loss, or becomes values like them.

    Raises
    ------
    UsageError
        ``OPT-COMPRESS`` for a method, or a setting, that there is none of; ``OPT-PACKAGE`` where what encodes is not
        installed.
    """

    method: str
    setting: float | None = None
    padding: Literal["keep", "drop"] = "keep"

    def __post_init__(self) -> None:
        wanted = methods(lossy=self.lossy)
        if self.method not in wanted:
            kind = "with loss" if self.lossy else "without loss"
            raise UsageError("OPT-COMPRESS", f"compression {self.method!r:.40} {kind}; wanted {', '.join(wanted)}")
        if not is_installed(self.row):
            raise UsageError(
                "OPT-PACKAGE",
                f"{self.method} needs packages that are not installed: pip install 'dicom-derive[compress]'; "
                f"{flag('compress', 'rle')} and {flag('compress', DEFLATED)} need none",
            )

    @property
    def lossy(self) -> bool:
        """Whether it may lose something."""
        return self.setting is not None

    @property
    def row(self) -> CompressionRow:
        """What the table says of it."""
        return rows()[self.method, self.lossy]

    @property
    def transfer_syntax(self) -> str:
        """UID of its transfer syntax."""
        return self.row.transfer_syntax

    @property
    def term(self) -> str:
        """Defined Term of Lossy Image Compression Method; empty of what loses nothing."""
        return self.row.term

    def photometric(self, form: PixelFormat | SampleLayout) -> str:
        """Return the Photometric Interpretation that pixels have when they are compressed."""
        return self.row.colour if form.samples > 1 and self.row.colour else form.photometric
