"""A second series beside one of :mod:`tests.helpers.sources`: other images of the same patient at the same places."""

from __future__ import annotations

import numpy as np

from tests.helpers.sources import ROOT, make_series


def another_series(number=2, stored=None, study=None, **changes):
    """Give a series of UIDs of its own; of another study where one is named.

    Parameters
    ----------
    number : int
        Tells its UIDs from those of others.
    stored : callable (index, stored values) -> stored values, optional
    study : str, optional
    **changes
        As :func:`make_series` takes them.
    """
    own = {
        "SOPInstanceUID": lambda k: f"{ROOT}.{number}4.{k + 1}",
        "SeriesInstanceUID": f"{ROOT}.{number}2",
        "SeriesNumber": number + 10,
    }
    if study:
        own["StudyInstanceUID"] = study
    found = make_series(**{**own, **changes})
    for index, dataset in enumerate(found):
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        if stored is not None:
            words = np.frombuffer(dataset.PixelData, "<u2" if dataset.Modality == "MR" else "<i2")
            values = np.asarray(stored(index, words.reshape(dataset.Rows, dataset.Columns)), dtype=words.dtype)
            dataset.PixelData = values.tobytes()
            dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue = int(values.min()), int(values.max())
    return found
