"""Frames compressed: bit-equal for every decoder at hand, and what a method cannot say refused with those that can."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder

import derive
from derive.pixels import compress, compressions
from derive.pixels.codecs import uid_of
from derive.pixels.compress import Compression, compressed, packed, refuse_unsayable
from derive.pixels.compressions import DEFLATED, is_installed, methods, rows
from derive.pixels.encode import NUMBERS, PixelFormat
from derive.pixels.samples import SampleLayout
from tests.helpers.asserting import raises_code

_NEEDS = pytest.mark.skipif(not is_installed(rows()["htj2k", False]), reason="needs the package imagecodecs")
LOSSLESS = [pytest.param(m, marks=[_NEEDS] if m in ("jpeg2000", "htj2k") else []) for m in methods() if m != DEFLATED]
#: Bits allocated, bits stored, signed, rows, columns, samples.
FORMS = {
    "16 signed": (16, 16, True, 40, 33, 1),
    "16 unsigned": (16, 16, False, 40, 33, 1),
    "12 of 16": (16, 12, False, 33, 17, 1),
    "12 of 16 signed": (16, 12, True, 64, 9, 1),
    "8 of an odd count": (8, 8, False, 33, 17, 1),
    "8 signed": (8, 8, True, 64, 64, 1),
    "colour": (8, 8, False, 35, 37, 3),
}
#: Who decodes beside those that derive reads with.
OTHERS = {
    "1.2.840.10008.1.2.4.90": ["pylibjpeg", "gdcm"],
    "1.2.840.10008.1.2.4.80": ["pyjpegls", "gdcm"],
    "1.2.840.10008.1.2.5": ["pydicom", "gdcm"],
    "1.2.840.10008.1.2.4.201": ["pylibjpeg"],
}


def layout_and_words(form, seed=3):
    allocated, stored, signed, rows, columns, samples = FORMS[form]
    low = -(1 << stored - 1) if signed else 0
    random = np.random.default_rng(seed)
    words = random.integers(low, low + (1 << stored), (rows, columns, samples)).astype(
        f"<{'i' if signed else 'u'}{allocated // 8}"
    )
    colour = "RGB" if samples == 3 else "MONOCHROME2"
    native = "1.2.840.10008.1.2.1"
    return SampleLayout(native, 1, rows, columns, samples, False, allocated, stored, stored - 1, signed, colour), words


def decoded_by(plugin, data, layout, syntax):
    options = {
        "rows": layout.rows,
        "columns": layout.columns,
        "number_of_frames": 1,
        "samples_per_pixel": layout.samples,
        "bits_allocated": layout.bits_allocated,
        "bits_stored": layout.bits_stored,
        "photometric_interpretation": layout.photometric,
        "pixel_representation": int(layout.signed),
        "pixel_keyword": "PixelData",
        **({"planar_configuration": 0} if layout.samples > 1 else {}),
    }
    decoder = get_decoder(uid_of(syntax))
    words, _ = decoder.as_array(encapsulate([data]), index=0, raw=True, decoding_plugin=plugin, **options)
    return np.asarray(words).reshape(layout.rows, layout.columns, layout.samples)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", LOSSLESS)
def test_every_decoder_gives_what_went_in(method, form):
    layout, words = layout_and_words(form)
    compression = Compression(method)
    if method == "htj2k" and layout.bits_stored != layout.bits_allocated:
        with raises_code("VAL-COMPRESS", derive.ValuesError):
            refuse_unsayable(compression, PixelFormat(16, stored=12), (layout.rows, layout.columns))
        return
    data = compressed(words, layout, compression)
    syntax, others = compression.transfer_syntax, OTHERS[compression.transfer_syntax]
    plugins = [p for p in others if p in get_decoder(uid_of(syntax)).available_plugins]
    assert plugins
    for plugin in plugins:
        seen = layout._replace(photometric=compression.photometric(layout))
        assert np.array_equal(decoded_by(plugin, data, seen, syntax), words), plugin


def test_what_decodes_to_other_values_is_refused(monkeypatch):
    layout, words = layout_and_words("16 signed")
    wrong = words.copy()
    wrong[3, 4] += 1
    made = compressed(wrong, layout, Compression("rle"))
    monkeypatch.setitem(compress.ENCODERS, "pydicom", lambda *_: made)
    with raises_code("VAL-ENCODE", derive.ValuesError):
        compressed(words, layout, Compression("rle"))


def test_an_encoder_that_fails_is_an_error_of_the_values(monkeypatch):
    def fails(*_):
        raise RuntimeError("as libraries do")

    layout, words = layout_and_words("16 signed")
    monkeypatch.setitem(compress.ENCODERS, "pydicom", fails)
    with raises_code("VAL-ENCODE", derive.ValuesError):
        compressed(words, layout, Compression("rle"))


@pytest.mark.parametrize(
    ("compression", "form", "shape", "instead"),
    [
        (Compression("jpeg-ls"), NUMBERS["float32"], (64, 64), "deflated"),
        (Compression("rle"), PixelFormat(1), (64, 64), "deflated"),
        (Compression("jpeg-ls"), PixelFormat(16), (4, 4), "rle"),
        (Compression("jpeg", 90), PixelFormat(16), (64, 64), "jpeg2000 or jpeg-ls"),
        (Compression("jpeg2000", 10), PixelFormat(16), (64, 31), "jpeg-ls"),
        (Compression("rle"), PixelFormat(8, 3, "YBR_FULL"), (64, 64), "deflated"),
    ],
    ids=["floating", "bits", "small", "jpeg-of-16", "small-lossy", "ybr"],
)
def test_what_a_method_cannot_say_is_refused_with_one_that_can(compression, form, shape, instead):
    with pytest.raises(derive.ValuesError, match=f"VAL-COMPRESS.*{instead}"):
        refuse_unsayable(compression, form, shape)


@pytest.mark.parametrize("method", ["zip", "jpeg", ""])
def test_a_method_that_there_is_none_of_is_refused(method):
    with raises_code("OPT-COMPRESS", derive.UsageError):
        Compression(method)


def test_who_lacks_a_package_is_told_which_to_install(monkeypatch):
    monkeypatch.setattr(compressions, "is_installed", lambda row: not row.needs)
    with pytest.raises(derive.UsageError, match=r"OPT-PACKAGE.*dicom-derive\[compress\].*rle"):
        Compression("jpeg-ls")
    assert Compression("rle").transfer_syntax == "1.2.840.10008.1.2.5"


@pytest.mark.parametrize("error", [1, 2, 5])
def test_near_lossless_keeps_its_word_on_signed_values_too(error):
    layout, words = layout_and_words("12 of 16 signed")
    words = np.clip(words, -2000, 2000)
    found = packed(words, layout, Compression("jpeg-ls", error))
    assert 0 < np.abs(found.words.astype(int) - words).max() <= error


def test_colour_with_loss_comes_back_as_rgb():
    rows, columns = np.mgrid[:64, :64]
    smooth = np.stack([rows * 3, columns * 3, 255 - rows * 2], axis=-1).astype(np.uint8)
    layout = layout_and_words("colour")[0]._replace(rows=64, columns=64)
    for compression in (Compression("jpeg", 95), Compression("jpeg2000", 8)):
        found = packed(smooth, layout, compression)
        assert len(found.data) < smooth.nbytes / 4
        assert np.abs(found.words.astype(int) - smooth).max() < 16
