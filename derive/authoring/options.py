"""What a caller can say of the series to be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from derive.errors import UsageError
from derive.model.classes import Form, PictureKind, checked_form, makes_pictures
from derive.model.derivation import Derivation
from derive.model.uids import checked_root
from derive.pixels.compressions import Compression
from derive.settings import load_settings


@dataclass(frozen=True)
class Options:
    """What a caller can say of the series to be made.

    Parameters
    ----------
    series_description : str, optional
    series_number : int, optional
    uids : {"random", "reproducible"}
        Reproducible UIDs follow from the sources, the steps, these options, the version and the pixels.
    uid_prefix : str, optional
        An organisation's UID root; None makes UUID-derived UIDs (PS3.5 B.2).
    timestamp : datetime, optional
        When the pixels are made; None is now, of which nothing is said beside dates of a source that were shifted or
        removed (PS3.3 C.12.1, Longitudinal Temporal Information Modified).
    spatial_locations_preserved : {"YES", "NO"}, optional
        Whether a function or a file of one's own left everything at its place (PS3.3 C.12.4.1.2); nothing is claimed
        of it where nobody says so.
    quantity : str, optional
        What a quantity is of which somebody says the units (PS3.3 C.7.6.16.2.11): a code of CID 7180 by keyword, value
        or meaning, or SCHEME:VALUE:Meaning; beside a code of it its meaning.
    quantity_code : str, optional
        The code of that quantity, VALUE:SCHEME.
    quantity_items : mapping name -> value
        What defines it: a code of CID 9000, or SCHEME:VALUE:Meaning, each; or a number and its unit, ``1000 s/mm2``.
    set : mapping keyword -> text
        Series-level text that replaces what the policy would do.
    into : {"classic", "enhanced", "parametric-map", ...}, optional
        What the instances become: single frames, multi-frame ones, maps of a quantity (PS3.3 A.75), or such as classic
        images are converted to (A.70 to A.72), which nothing is that is derived. None: what those of the source are; of
        what was converted, single frames. ``secondary-capture`` and ``multi-frame-secondary-capture`` of what a
        function of one's own draws: a picture an instance, or all in one.
    numbers : {"int16", "float32", "float64"}, optional
        How the values of a parametric map are stored: in 16 bits, which most readers read, or as they are.
    one_object : bool
        Whether all volumes become one multi-frame instance, with a dimension that tells them apart.
    series_per : {"source", "volume"}
        Whether several volumes become one series, as the source is, or a series each; of a class that cannot tell them
        apart (CT) they become a series each in any case.
    compress : {"jpeg2000", "jpeg-ls", "rle", "htj2k", "deflated"} or Compression, optional
        How what is written is encoded, without loss: each frame is decoded again and held against what went in. None:
        native.
    """

    series_description: str | None = None
    series_number: int | None = None
    uids: Literal["random", "reproducible"] = "random"
    uid_prefix: str | None = None
    timestamp: datetime | None = None
    spatial_locations_preserved: Literal["YES", "NO"] | None = None
    quantity: str | None = None
    quantity_code: str | None = None
    quantity_items: Mapping[str, str] = field(default_factory=dict)
    set: Mapping[str, str] = field(default_factory=dict)
    into: Form | PictureKind | None = None
    numbers: Literal["int16", "float32", "float64"] | None = None
    one_object: bool = False
    series_per: Literal["source", "volume"] = "source"
    compress: str | Compression | None = None

    def __post_init__(self) -> None:
        checked_root(self.uid_prefix)
        _ = self.compression
        if self.uids not in ("random", "reproducible"):
            raise UsageError("UID-KIND", f"uids {self.uids!r}; wanted random or reproducible")
        if not makes_pictures(self.into):
            checked_form(self.into)
        if self.series_per not in ("source", "volume"):
            raise UsageError("OPT-SERIES", f"series per {self.series_per!r:.40}; wanted source or volume")
        if self.spatial_locations_preserved not in ("YES", "NO", None):
            found = repr(self.spatial_locations_preserved)
            raise UsageError("OPT-PLACES", f"spatial locations preserved is {found:.40}; wanted YES or NO")
        if self.series_description is not None and not 0 < len(self.series_description) <= 64:
            raise UsageError(
                "SET-LENGTH",
                f"Series Description has {len(self.series_description)} characters; wanted 1 to 64",
            )
        if self.series_number is not None and not -(2**31) <= self.series_number < 2**31:
            raise UsageError("SET-NUMBER", f"Series Number {self.series_number} is not a 32-bit integer")

    @property
    def compression(self) -> Compression | None:
        """How what is written is encoded.

        Raises
        ------
        UsageError
            As :class:`derive.pixels.compress.Compression`.
        """
        return Compression(self.compress) if isinstance(self.compress, str) else self.compress

    def compression_of(self, derivation: Derivation) -> Compression | None:
        """How what is written is encoded: with loss, where that is the last step; None: native.

        Raises
        ------
        UsageError
            ``OPT-COMPRESS`` for both.
        """
        if derivation.compression is not None and self.compress is not None:
            raise UsageError("OPT-COMPRESS", "what is compressed with loss is not compressed once more without")
        return derivation.compression or self.compression


def options_of(said: Mapping[str, Any]) -> Options:
    """Return what a caller said, and what ``derive.toml`` says where the caller said nothing.

    Parameters
    ----------
    said : mapping
        Parameters of :class:`Options`.

    Raises
    ------
    UsageError
        ``OPT-UNKNOWN`` for what is no option, ``CFG-...``, and what :class:`Options` refuses.
    """
    known = {f.name for f in fields(Options)}
    if unknown := said.keys() - known:
        raise UsageError("OPT-UNKNOWN", f"unknown options {sorted(unknown)}; there are {sorted(known)}")
    settings = load_settings()
    standing = {"uid_prefix": said.get("uid_prefix") or settings.uid_prefix}
    if settings.equipment:
        standing["set"] = {**settings.equipment, **(said.get("set") or {})}
    return Options(**{**said, **standing})
