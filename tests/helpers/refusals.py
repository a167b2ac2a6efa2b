"""Series that are refused: how they are changed, and what is asserted of the refusal."""

from __future__ import annotations

import pytest

from derive.errors import DeriveError, GeometryError, SourceError, ValuesError
from derive.model.stacking import refuse_uneven
from derive.reading.read import read

CT, MR, PET = (f"petctmr_ibsi_sts002/{n}/image" for n in ("CT", "MR_T1", "PET"))


def refused(source, code, **options):
    """The error with which a source is refused, or as which its slices make no even stack; it names no patient."""
    with pytest.raises(DeriveError) as caught:
        refuse_uneven(read(source, **options))
    error = caught.value
    assert error.code == code, str(error)
    assert isinstance(error, {"SRC": SourceError, "GEO": GeometryError, "VAL": ValuesError}[code[:3]])
    for name in ("STS_002", "Private^Person", "PATIENT-4711"):
        assert name not in str(error)
    return error


def only(index, **attributes):
    """Return a change that sets attributes of one slice, or deletes those that are None."""

    def change(dataset, at):
        if at == index:
            for keyword, value in attributes.items():
                if value is None:
                    del dataset[keyword]
                else:
                    setattr(dataset, keyword, value)

    return change
