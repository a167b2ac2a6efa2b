"""Images compressed with loss, which is a derivation: the first code of CID 7203 (PS3.3 C.7.6.1.1.5)."""

from __future__ import annotations

from typing import Any

from derive import operations
from derive.builder import DerivedSeries, build
from derive.model.source import SourceSeries
from derive.reading.files import Source


def compress(source: SourceSeries | Source, **given: Any) -> DerivedSeries:
    """Compress a series with loss: one method, with its setting.

    Parameters
    ----------
    source : SourceSeries, path, paths or pydicom Datasets
    **given
        ``jpeg2000=True, ratio=``, so many times shorter; ``jpeg=True, quality=``, baseline of 8 bits, from 1 to 100;
        ``jpeg_ls=True, error=``, by which no stored value is off by more; and ``padding="drop"``, as
        :func:`derive.operations.compress` takes them. All else as :func:`derive.build` takes it.

    Raises
    ------
    UsageError
        ``OP-COMPRESS``, ``OPT-PACKAGE``
    ValuesError
        ``VAL-COMPRESS`` for pixels that a method cannot say, ``VAL-PADDING-LOST``; when they are written.

    Examples
    --------
    >>> import derive
    >>> derive.compress(derive.demo_series(), jpeg_ls=True, error=2).derivation.description
    "compress(jpeg_ls=True, error=2, padding='keep')"
    """
    kind = operations.compress
    own = {name: given.pop(name) for name in kind.signature.parameters if name in given}
    return build(source, kind(**own), **given)
