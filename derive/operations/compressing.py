"""Compression with loss: values stay where they are, and what is written of them is what an encoder leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from derive.errors import UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect, short_text_of
from derive.model.volume import Volume
from derive.operations.declaration import operation
from derive.pixels.compressions import Compression, is_installed, rows
from derive.told.wording import flag

#: Each method, and the parameter that says how much it may lose: least and most.
_SETTINGS = {
    "jpeg2000": ("ratio", 1.0, 1000.0),
    "jpeg": ("quality", 1.0, 100.0),
    "jpeg_ls": ("error", 1.0, 255.0),
}


def _compression(given: Mapping[str, Any]) -> Compression:
    """Return what the parameters ask for.

    Raises
    ------
    UsageError
        ``OP-COMPRESS``
    """
    methods = [method for method in _SETTINGS if given[method]]
    if len(methods) != 1:
        wanted = ", ".join(f"{flag(m)} {flag(s, 'N')}" for m, (s, _, _) in _SETTINGS.items())
        raise UsageError("OP-COMPRESS", f"{len(methods)} methods of compression; wanted one: {wanted}")
    name, least, most = _SETTINGS[methods[0]]
    strange = [s for s, _, _ in _SETTINGS.values() if s != name and given[s] is not None]
    if strange:
        raise UsageError("OP-COMPRESS", f"{strange[0]} is no setting of {methods[0]}, whose setting is {name}")
    value = given[name]
    whole = name == "ratio" or value is None or float(value).is_integer()
    if value is None or not least <= value <= most or not whole:
        kind = "a number" if name == "ratio" else "a whole number"
        raise UsageError("OP-COMPRESS", f"{name} {value} of {methods[0]}; wanted {kind} from {least:g} to {most:g}")
    return Compression(methods[0].replace("_", "-"), float(value), given["padding"])


def _short(given: Mapping[str, Any]) -> str:
    compression = _compression(given)
    name = _SETTINGS[compression.method.replace("-", "_")][0]
    return f"{compression.method} {name} {short_text_of(compression.setting)}"


@operation(
    "LossyCompression",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    trial=lambda geometry: {"jpeg_ls": True, "error": 1},
    suits=lambda source: is_installed(rows()["jpeg-ls", True]),
    example={"jpeg2000": True, "ratio": 10},
    takes_tilt=True,
    takes_uneven=True,
    takes_own_plane=True,
    mixes=lambda given: not given["jpeg_ls"],
    short=_short,
    of_colours=lambda colours, given: colours,
    encodes=_compression,
)
def compress(
    volume: Volume,
    *,
    jpeg2000: bool = False,
    ratio: float | None = None,
    jpeg: bool = False,
    quality: int | None = None,
    jpeg_ls: bool = False,
    error: int | None = None,
    padding: Literal["keep", "drop"] = "keep",
) -> Volume:
    """Compress with loss: as JPEG 2000 at a ratio, as JPEG of a quality, or as JPEG-LS within an error.

    Stored values, rescale and window are those of the source. The ratio and the largest error are measured. By itself
    nothing else is done; behind other operations it is the last, and what they make is compressed. Without loss
    anything is compressed that is written: ``compress="jpeg2000"`` as an option.

    Parameters
    ----------
    volume : Volume
    jpeg2000 : bool
        Whether it is JPEG 2000, with a ratio.
    ratio : float
        How many times shorter JPEG 2000 is to be.
    jpeg : bool
        Whether it is JPEG baseline, with a quality: 8 bits.
    quality : int
        Of JPEG, from 1 to 100.
    jpeg_ls : bool
        Whether it is JPEG-LS near-lossless, with an error.
    error : int
        How far a stored value of JPEG-LS may be off.
    padding : {"keep", "drop"}
        Whether pixel padding has to be told from values as before, or becomes values like them.

    Raises
    ------
    UsageError
        ``OP-COMPRESS`` unless one method is chosen, with its setting; ``OPT-PACKAGE`` where what encodes is not
        installed.
    """
    given = {"jpeg2000": jpeg2000, "jpeg": jpeg, "jpeg_ls": jpeg_ls}
    _compression({**given, "ratio": ratio, "quality": quality, "error": error, "padding": padding})
    return volume
