"""What OHIF makes of colours over grey, in the space of their source, and of a page of pictures."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

import derive
from derive.operations import overlay
from tests.helpers.servers import orthanc
from tests.helpers.viewer import a_look, needs_viewer, pages_over, seen


class Session(NamedTuple):
    """The source, what OHIF says, and pictures of its pages."""

    source: derive.SourceSeries
    answer: dict
    pictures: dict


@pytest.fixture(scope="module")
def session(real, tmp_path_factory):
    """Look at a capture, and at an overlay as a stack."""
    needs_viewer()
    folder = tmp_path_factory.mktemp("viewer")
    ct, pet = (derive.read(real(f"petctmr_ibsi_sts002/{name}")) for name in ("CT", "PET"))
    said = {"colormap": "hot-iron", "alpha": 0.8, "window": (40, 400), "over_window": (0, 4)}
    made = {
        "capture": derive.capture(ct, layout="2x3", letters=True, scale=True).write(folder / "capture"),
        "overlay": derive.build(ct, overlay(pet, **said)).write(folder / "overlay"),
    }
    study = str(ct.value("StudyInstanceUID"))
    with orthanc(folder / "archive") as server:
        for name in made:
            derive.send(folder / name, server.url)
        uids = {name: report.series_instance_uid for name, report in made.items()}
        looks = [a_look(name, study, uid, folder=folder) for name, uid in uids.items()]
        with pages_over(server.rest) as base:
            answer = seen(base, looks, folder)
    pictures = {look["name"]: np.asarray(Image.open(look["picture"]).convert("RGB")).astype(int) for look in looks}
    return Session(ct, answer, pictures)


def test_nothing_goes_wrong(session):
    assert (session.answer["errors"], session.answer["outside"]) == ([], [])
    assert not [name for name, look in session.answer["looks"].items() if look.get("timeout")]


def test_colours_are_one_stack_of_which_a_volume_can_be_made(session):
    (found,) = session.answer["looks"]["overlay"]["series"]
    assert (found["images"], found["reconstructable"], found["messages"]) == (48, True, [])
    (viewport,) = session.answer["looks"]["overlay"]["viewports"]
    assert viewport["frameOfReference"] == session.source.geometry.frame_of_reference_uid


def test_uptake_is_red_on_grey(session):
    """In the stack, and in its small picture; planes across any colours are stripes in this OHIF (cornerstone3D)."""
    picture = session.pictures["overlay"]
    red = picture[..., 0] - picture[..., 2] > 80
    grey = (np.ptp(picture, axis=-1) < 6) & (picture[..., 0] > 60)
    assert 0.0005 < red.mean() < 0.5
    assert grey.mean() > 0.0003


def test_a_page_of_pictures_is_shown(session):
    (found,) = session.answer["looks"]["capture"]["series"]
    assert found["images"] == 1
    assert session.answer["looks"]["capture"]["viewports"][0]["shades"]["mean"] > 20
