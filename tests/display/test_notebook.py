"""What a notebook shows: HTML, figures and the slider."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
import sys

import numpy as np
import pytest
from PIL import Image

import derive
from derive.display import (
    Wishes,
    comparison_of,
    html_of_derived,
    html_of_report,
    html_of_source,
    html_of_volume,
    image_of,
    page_of,
    save,
    show,
    sight_of,
)
from derive.display.draw import png_of
from derive.errors import UsageError
from derive.operations import apply, gaussian_blur
from tests.helpers.shown import constant, numbered
from tests.helpers.sources import make_series
from tests.helpers.volumes import make_geometry


def picture_in(text):
    found = re.search('base64,([^"]*)"', text)
    return Image.open(io.BytesIO(base64.b64decode(found[1]))) if found else None


def test_html_holds_a_small_picture_and_a_table(tmp_path):
    source = derive.read(make_series("MR"))
    series = derive.build(source, gaussian_blur(sigma_mm=1.0), series_description="smooth <b>")
    report = series.write(tmp_path / "out")
    for text in (
        html_of_source(source),
        html_of_volume(series.volume),
        html_of_derived(series),
        html_of_report(report),
    ):
        image = picture_in(text)
        image.load()
        assert image.format == "PNG"
        assert image.width < 700
        assert "<table>" in text
        assert "LINEAR" in text
    assert "smooth &lt;b&gt;" in html_of_derived(series)


def test_html_escapes_what_the_series_says():
    evil = "<script>alert(1)</script>\"'&"
    text = html_of_source(derive.read(make_series("CT", SeriesDescription=evil)))
    assert "<script" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.filterwarnings("ignore:Invalid value for VR TM")  # of the helper: it counts seconds
def test_html_of_a_long_series_decodes_few_images():
    series, decoded = derive.read(make_series("CT", count=150)), []

    def counting(instance):
        def stored():
            decoded.append(instance.name)
            return instance.stored_values()

        return dataclasses.replace(instance, stored_values=stored)

    counted = dataclasses.replace(series, frames=tuple(map(counting, series.frames)))
    assert picture_in(html_of_source(counted))
    assert len(decoded) == len(set(decoded)) <= 64
    decoded.clear()
    assert repr(counted)
    assert not decoded


def test_html_says_why_there_is_no_picture_and_never_raises(tmp_path):
    series = derive.read(make_series("CT"))

    def fail():
        raise RuntimeError("Doe^Jane")

    broken = dataclasses.replace(
        series, frames=tuple(dataclasses.replace(i, stored_values=fail) for i in series.frames)
    )
    text = html_of_source(broken)
    assert picture_in(text) is None
    assert "none: RuntimeError" in text
    assert "Doe" not in text
    assert "14 x 12 x 6 voxels" in text

    def wrong(values):
        return values[0]

    derived = derive.build(series, apply(function=wrong, code="Smoothing"))
    assert "OP-RESULT" in html_of_derived(derived) or "OP-SHAPE" in html_of_derived(derived)
    report = derive.build(series, gaussian_blur(sigma_mm=1.0)).write(tmp_path / "out")
    for file in (tmp_path / "out").iterdir():
        file.unlink()
    assert "SRC-MISSING" in html_of_report(report)
    assert "voxels" in html_of_volume(dataclasses.replace(derive.stack(series), pull=lambda a, b: fail()))
    assert "AttributeError" in html_of_volume(None)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, bool, "colour"])
def test_html_of_pictures_shows_a_page(kind):
    pages = np.zeros((2, 6, 8, 3) if kind == "colour" else (2, 6, 8), dtype=np.uint8 if kind == "colour" else kind)
    pages[:, 2:4] = 1
    series = derive.convert(
        pages if kind != "colour" else pages[0, :, :, 0],
        kind="secondary-capture",
        set={"BurnedInAnnotation": "NO"},
        patient=derive.Patient("P1", "Doe^Jane"),
    )
    assert picture_in(html_of_derived(series))
    assert "pictures" in repr(series)
    with pytest.raises(UsageError, match="SHOW-PICTURES"):
        sight_of(series)


# --- with matplotlib -------------------------------------------------------------------------------------------------


@pytest.fixture
def pyplot(monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from matplotlib import pyplot

    pyplot.close(pyplot.figure())  # the first one looks for IPython, of which tests have a stand-in
    yield pyplot
    pyplot.close("all")


def pixels_of(figure):
    """What a figure shows, as an array."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return np.asarray(Image.open(stream).convert("RGB"))


def test_a_figure_is_the_page_of_the_command_pixel_for_pixel(pyplot, tmp_path):
    series = derive.read(make_series("CT", SeriesDescription="5 $ and $x^"))
    save(page_of(sight_of(series)), tmp_path / "page.png")
    np.testing.assert_array_equal(pixels_of(show(series)), np.asarray(Image.open(tmp_path / "page.png")))


def test_a_figure_compares(pyplot):
    source = derive.demo_series()
    series = derive.build(source, gaussian_blur(sigma_mm=1.5))
    page = comparison_of(sight_of(series), sight_of(source), Wishes("coronal", slice_number=3))
    shown = show(series, compare=source, plane="coronal", slice_number=3)
    np.testing.assert_array_equal(pixels_of(shown), np.asarray(image_of(page)))


def test_without_matplotlib_the_line_that_installs_it_is_given(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(UsageError, match=r"SHOW-PACKAGE.*pip install"):
        show(constant(0.0))


STUBS = {
    "ipywidgets.py": """
class IntSlider:
    made = []
    def __init__(self, value, least, most, step, **options):
        self.value, self.most = value, most
        IntSlider.made.append(self)
    def observe(self, function, names):
        self.changed = function
""",
    "IPython/__init__.py": """
class Shell:
    kernel = object()
def get_ipython():
    return Shell()
""",
    "IPython/display.py": """
pictures = []
class Image:
    def __init__(self, data):
        pictures.append(data)
class Handle:
    def update(self, value):
        pass
def display(value, display_id=False):
    return Handle()
""",
}


@pytest.fixture
def notebook(tmp_path, monkeypatch, pyplot):
    """Stand-ins for IPython and ipywidgets that record what they are asked for."""
    for name, text in STUBS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for name in [n for n in sys.modules if n.partition(".")[0] in ("IPython", "ipywidgets")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    import IPython
    import IPython.display
    import ipywidgets

    yield IPython.display, ipywidgets
    for name in ("IPython", "IPython.display", "ipywidgets"):
        sys.modules.pop(name, None)


def test_in_a_notebook_a_slider_draws_the_slice_anew_in_the_same_window(notebook, pyplot):
    display, widgets = notebook
    volume = numbered(make_geometry(shape=(9, 6, 7)))
    figure = show(volume, plane="axial")
    assert not pyplot.get_fignums()
    figure._ipython_display_()
    (slider,) = widgets.IntSlider.made
    assert (slider.value, slider.most) == (5, 9)
    slider.changed({"new": 2})
    assert len(display.pictures) == 2
    assert display.pictures[0].startswith(b"\x89PNG")
    assert display.pictures[0] == png_of(page_of(sight_of(volume), Wishes("axial")))
    assert display.pictures[0] != display.pictures[1]
    np.testing.assert_array_equal(pixels_of(figure), np.asarray(Image.open(io.BytesIO(display.pictures[1]))))
