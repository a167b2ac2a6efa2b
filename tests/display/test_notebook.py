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
    html_of_derived,
    html_of_report,
    html_of_source,
    html_of_volume,
    show,
    sight_of,
)
from derive.display.cuts import PLANES
from derive.errors import UsageError
from derive.operations import apply, gaussian_blur
from tests.helpers.shown import EDGES, constant, numbered
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

    yield pyplot
    pyplot.close("all")


def test_a_figure_has_the_planes_in_millimetres(pyplot):
    series = derive.read(make_series("CT", SeriesDescription="5 $ and $x^"))
    figure = show(series)
    figure.canvas.draw()
    assert [tuple(round(v, 3) for v in (*a.get_xlim(), *a.get_ylim())) for a in figure.axes] == [
        (0, 14, 15, 0),
        (0, 14, 12, 0),
        (0, 15, 12, 0),
    ]
    for axes, plane in zip(figure.axes, PLANES, strict=True):
        texts = [t.get_text() for t in axes.texts]
        assert tuple(texts[1:5]) == EDGES[plane]
        box = axes.get_window_extent()
        assert box.width / box.height == pytest.approx(axes.get_xlim()[1] / axes.get_ylim()[0], rel=1e-3)
        (bar,) = axes.lines
        assert f"{np.ptp(bar.get_xdata()):g} mm" == bar.get_label()
    assert "5 $ and $x^" in figure.texts[0].get_text()


def test_a_figure_compares(pyplot):
    source = derive.demo_series()
    series = derive.build(source, gaussian_blur(sigma_mm=1.5))
    figure = show(series, compare=source, plane="coronal", slice_number=3)
    figure.canvas.draw()
    assert len(figure.axes) == 3
    renderer = figure.canvas.get_renderer()
    for text in (*figure.texts, *(t for a in figure.axes for t in a.texts)):
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.y1


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
    assert display.pictures[0] != display.pictures[1]
    assert "2 of 9" in figure.axes[0].texts[0].get_text()
    assert (figure.axes[0].images[0].get_array() == 0).all()
