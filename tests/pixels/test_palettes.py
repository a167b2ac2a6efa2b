"""Palettes of DICOM and of matplotlib, colours of labels, and the profile of sRGB."""

from __future__ import annotations

import io
import sys

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageCms

from derive.errors import UsageError
from derive.pixels.icc import srgb_profile
from derive.pixels.palettes import colour_of_number, known_palettes, of_cielab, palette_of
from tests.helpers.asserting import each, raises_code

#: Ends and a step between of palettes, as PS3.6 B.1 lists them.
LISTED = {
    "hot-iron": ((0, 0, 0), (255, 0, 0), (255, 255, 255)),
    "pet": ((0, 0, 0), (128, 0, 255), (255, 255, 255)),
    "hot-metal-blue": ((0, 0, 0), (116, 17, 97), (255, 255, 255)),
    "spring": ((255, 0, 255), (255, 128, 127), (255, 255, 0)),
    "fall": ((255, 255, 0), (255, 127, 0), (255, 0, 0)),
}


@pytest.mark.parametrize("name", LISTED)
def test_palettes_are_those_of_the_standard(name):
    assert [tuple(palette_of(name)[k]) for k in (0, 128, 255)] == list(LISTED[name])


def test_a_palette_has_a_name_a_uid_and_256_colours():
    known = known_palettes()
    assert list(known.values()) == [f"1.2.840.10008.1.5.{n}" for n in range(1, 9)]
    for name, uid in each(known.items(), 8):
        assert palette_of(name).shape == (256, 3)
        np.testing.assert_array_equal(palette_of(name), palette_of(uid))
        np.testing.assert_array_equal(palette_of(name), palette_of(name.upper().replace("-", "_")))


@pytest.mark.parametrize("name", ["hot", "viridis", "matplotlib:spring", "tab10", "hot_r"])
def test_others_are_those_of_matplotlib(name):
    mapped = matplotlib.colormaps[name.removeprefix("matplotlib:")]
    wanted = np.stack([mapped((k + 0.5) / 256, bytes=True)[:3] for k in range(256)])
    np.testing.assert_array_equal(palette_of(name), wanted)


def test_a_name_that_both_have_is_that_of_dicom():
    assert (palette_of("winter") != palette_of("matplotlib:winter")).any()


def test_an_unknown_one_is_refused_with_all_there_are():
    with raises_code("OP-COLORMAP", UsageError) as caught:
        palette_of("hot-irom")
    assert "hot-metal-blue" in str(caught.value)
    assert "viridis" in str(caught.value)
    assert "did you mean hot-iron" in str(caught.value)


def test_without_matplotlib_its_names_are_refused_by_name(monkeypatch):
    palette_of.cache_clear()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with raises_code("OP-COLORMAP", UsageError) as caught:
        palette_of("viridis")
    assert "dicom-derive[show]" in str(caught.value)
    assert palette_of("pet").shape == (256, 3)


@pytest.mark.parametrize("lab", [(50, 0, 0), (53, 60, 45), (87, -60, 60), (32, 50, -80), (100, 0, 0), (70, 20, -30)])
def test_cielab_is_what_littlecms_makes_of_it(lab):
    ways = ImageCms.createProfile("LAB", 5000), ImageCms.createProfile("sRGB")
    pixel = Image.frombytes("LAB", (1, 1), bytes([round(lab[0] * 2.55), lab[1] & 255, lab[2] & 255]))
    transform = ImageCms.buildTransform(*ways, "LAB", "RGB", renderingIntent=1)
    shown = ImageCms.applyTransform(pixel, transform).getpixel((0, 0))
    found = of_cielab([round(lab[0] * 655.35), *(round((v + 128) * 257) for v in lab[1:])])
    assert np.abs(np.subtract(found, shown)).max() <= 8  # of 8 bits, and cut where sRGB ends


def test_labels_beside_each_other_are_told_apart():
    colours = [colour_of_number(n) for n in range(1, 20)]
    apart = [np.abs(np.subtract(a, b)).sum() for k, a in enumerate(colours) for b in colours[k + 1 : k + 4]]
    assert min(apart) > 100


def test_the_profile_is_one_of_input_and_always_the_same():
    profile = srgb_profile()
    assert (profile[12:16], profile[16:20], profile[20:24]) == (b"scnr", b"RGB ", b"XYZ ")  # PS3.3 C.11.15.1.1
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    assert "sRGB" in ImageCms.getProfileDescription(opened)
    srgb_profile.cache_clear()
    assert srgb_profile() == profile
    same = ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2))
    shown = np.asarray(ImageCms.applyTransform(ramp, same)).astype(int)
    assert np.abs(shown - np.asarray(ramp)).max() <= 1
