"""A data set in, a data set out: for the handler of a node that receives, a proxy, a notebook."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any, NamedTuple

from pydicom import dcmread
from pydicom.dataset import Dataset

from derive.deidentification.engine.engine import Deidentifier
from derive.deidentification.pixels.clean import clean_pixels
from derive.deidentification.profile.wanted import Settled, Wanted, settled, wanted_of
from derive.errors import SourceError
from derive.rewriting.file import Passage, stored_dataset


def dataset(original: Dataset, **options: Any) -> Dataset:
    """De-identify one data set; the one that is given stays as it is.

    Parameters
    ----------
    original : pydicom Dataset
        Of any storage class, with its File Meta Information where its pixels are compressed.
    **options
        As in :class:`derive.deidentification.profile.wanted.Wanted`, but for those of files. Calls with equal options
        are one run: without a key too, their UIDs, dates and names are consistent as long as the process lives.

    Returns
    -------
    pydicom Dataset
        With File Meta Information.

    Raises
    ------
    UsageError
        For an option, profile, rule or key that cannot be.
    SourceError
        ``DEID-BURNED-IN`` for an image that may have text burned in, ``DEID-SKIPPED`` where it was asked to leave such
        out, ``SRC-UNREADABLE`` for what cannot be encoded.

    Examples
    --------
    >>> from pydicom.dataset import Dataset
    >>> import derive
    >>> ds = Dataset()
    >>> ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    >>> ds.PatientName, ds.StudyDescription = "Doe^Jane", "follow up of Jane Doe"
    >>> clean = derive.deidentification.dataset(ds, profile="basic", patient_name="S001")
    >>> str(clean.PatientName), "StudyDescription" in clean, clean.PatientIdentityRemoved
    ('S001', False, 'YES')
    """
    hashable = {name: tuple(value) if isinstance(value, list | set) else value for name, value in options.items()}
    ready = _ready(wanted_of(hashable))
    uid = original.get("SOPInstanceUID")
    stored = stored_dataset(original, f"the data set {uid}" if uid else "a data set")
    cleaned = clean_pixels(stored, ready.settled.pixels)
    if cleaned.skipped:
        raise SourceError("DEID-SKIPPED", f"{stored.name} may have text burned in, and is left out")
    done = ready.deidentifier.file(stored, cleaned)
    chunks = (part.chunks() if isinstance(part, Passage) else (part,) for part in done.parts)
    return dcmread(io.BytesIO(b"".join(chunk for part in chunks for chunk in part)))


class _Ready(NamedTuple):
    """What calls with the same options share."""

    settled: Settled
    deidentifier: Deidentifier


@lru_cache(maxsize=8)
def _ready(wanted: Wanted) -> _Ready:
    found = settled(wanted)
    return _Ready(found, Deidentifier(found.profile, found.run))
