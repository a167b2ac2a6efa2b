"""OHIF lays the segments of a result over the images that they are of.

Skipped, with the reason, where what shows them is absent, as :mod:`tests.viewer.test_ohif` says.
"""

from __future__ import annotations

import numpy as np
import pytest

import derive
from tests.helpers.servers import orthanc
from tests.helpers.viewer import a_look, needs_viewer, pages_over, seen

LABELS = ["1=Phantom,SCT,260787004,Physical object,SCT,260787004,Physical object", "2=Insert,SCT,40388003,Implant"]


@pytest.fixture(scope="module")
def look(cropped, tmp_path_factory):
    """Put a series and its segments into an archive, and look at these."""
    needs_viewer()
    folder = tmp_path_factory.mktemp("viewer")
    files = cropped("ct_varian_cbct_64")
    ct = derive.read(files)
    found = np.digitize(np.asarray(ct), [-300, 250]).astype(np.uint8)
    said = {"kind": "segmentation", "label": LABELS, "algorithm_type": "manual", "orientation": "reference"}
    report = derive.convert(found, reference=ct, **said).write(folder / "seg")
    with orthanc(folder / "archive") as server:
        derive.send(files, server.url)
        derive.send(folder / "seg", server.url)
        one = {**a_look("segments", ct.text("StudyInstanceUID"), folder=folder), "segments": True}
        one["url"] += f"&SeriesInstanceUIDs={ct.series_instance_uid},{report.series_instance_uid}"
        one["url"] += f"&initialSeriesInstanceUID={report.series_instance_uid}"
        with pages_over(server.rest) as base:
            return ct, seen(base, [one], folder)


def test_segments_are_shown_with_their_labels_and_nothing_goes_wrong(look):
    _, answer = look
    assert (answer["errors"], answer["outside"]) == ([], [])
    found = answer["looks"]["segments"]
    assert not found.get("timeout")
    (segmentation,) = found["segmentations"]
    assert segmentation["segments"] == ["Phantom", "Insert"]


def test_they_lie_where_the_images_lie(look):
    ct, answer = look
    volumes = answer["looks"]["segments"]["volumes"]
    assert volumes
    for volume in volumes:
        assert volume["frameOfReference"] == ct.geometry.frame_of_reference_uid
        assert volume["dimensions"] == list(ct.geometry.shape[::-1])
        np.testing.assert_allclose(volume["origin"], ct.geometry.first_position, atol=1e-3)
