"""Pictures (PNG, JPEG, BMP, TIFF of pages) through Pillow: pages are slices, rows and columns as they show."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import SourceError, ValuesError
from derive.formats.colour import composited
from derive.formats.samples import Samples

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFile import ImageFile

#: What Pillow may find in a file, whatever its name says.
FORMATS = ("PNG", "JPEG", "BMP", "TIFF")
#: Modes whose numbers are taken as they are, and those that Pillow turns to R G B.
PLAIN = ("1", "L", "I", "F", "RGB")
CONVERTED = ("CMYK", "YCbCr", "RGBX")
ALPHA = ("RGBA", "RGBa", "LA", "La", "PA")
#: Modes of 8 bits, to which Pillow cuts 16 without a word.
OF_8_BITS = ("L", "RGB", "RGBX", *CONVERTED, *ALPHA)
BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLE_FORMAT = 258, 259, 262, 274, 339
JPEG_IN_TIFF = (6, 7)
UNSIGNED, SIGNED = 1, 2

Page = tuple[NDArray[Any], tuple[str, ...]]


def read(path: Path) -> Samples:
    """Return the pages of a picture as slices.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED``, ``SRC-TOO-BIG``, or ``SRC-PAGES`` where pages differ in size or type.
    derive.errors.ValuesError
        ``VAL-COLOUR`` for colours other than R G B of 8 bits.
    """
    from PIL import Image

    try:
        # By its file: by its name, Pillow maps a raw TIFF to memory, and scrambles one that is to be turned.
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            return _samples(image, path)
    except (Image.DecompressionBombError, MemoryError) as error:
        raise SourceError(
            "SRC-TOO-BIG",
            f"{path.name} has more pixels than Pillow takes for harmless ({error}); cut it, "
            "or raise PIL.Image.MAX_IMAGE_PIXELS where you trust it",
        ) from error
    except (OSError, EOFError, SyntaxError, ValueError, TypeError, IndexError, KeyError) as error:
        raise _damaged(path, error) from error
    except (struct.error, zlib.error) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> SourceError:
    said = str(error).replace(f"{path.parent}/", "")
    if "cannot identify" in said:
        said = "Pillow does not know what it holds"
    return SourceError(
        "SRC-DAMAGED",
        f"{path.name} is truncated, damaged or no PNG, JPEG, BMP or TIFF that is read: {said}; replace it",
    )


def _samples(image: ImageFile, path: Path) -> Samples:
    count, lossy, raw = int(getattr(image, "n_frames", 1)), False, 0
    stack: NDArray[Any] = np.empty(0)
    notes: list[str] = []
    for number in range(count):
        image.seek(number)
        # Before the pixels are read: Pillow forgets some of it then.
        lossy |= image.format in ("JPEG", "MPO") or _tag(image, COMPRESSION) in JPEG_IN_TIFF
        raw += image.width * image.height * len(image.getbands())
        page, told = _page(image, path.name)
        if number == 0:
            stack = np.empty((count, *page.shape), page.dtype)
        if page.shape != stack.shape[1:] or page.dtype != stack.dtype:
            raise SourceError(
                "SRC-PAGES",
                f"page {number + 1} of {path.name} is {_words(page)}, but page 1 {_words(stack[0])}; "
                "wanted pages of one size and type; give pages of one kind",
            )
        stack[number] = page
        notes += [note for note in told if note not in notes]
    form = image.format or ""
    _check_end(path, form)
    array = stack.transpose(2, 1, 0, *range(3, stack.ndim))[:, :, :, None]
    ratio = raw / path.stat().st_size
    return Samples(
        path.name,
        "JPEG" if form == "MPO" else form,
        array,
        slice_axis=2,
        placeable=False,
        lossy=(f"{ratio:.3g}" if ratio < 1000 else f"{ratio:.0f}", "ISO_10918_1") if lossy else None,
        notes=tuple(notes),
    )


def _words(page: NDArray[Any]) -> str:
    rows, columns, *colours = page.shape
    return f"{columns} x {rows} of {page.dtype}{' R G B' if colours else ''}"


def _tag(image: Image.Image, tag: int, default: Any = None) -> Any:
    """Return a tag of a TIFF."""
    from PIL.TiffImagePlugin import TiffImageFile

    return image.tag_v2.get(tag, default) if isinstance(image, TiffImageFile) else default


def _check_end(path: Path, form: str) -> None:
    """Raise ``SRC-DAMAGED`` for a PNG without its end, which Pillow does not miss."""
    if form == "PNG" and b"IEND\xaeB`\x82" not in path.read_bytes():
        raise SourceError("SRC-DAMAGED", f"{path.name} is truncated: it has no end; copy or download it again")


def _page(image: ImageFile, name: str) -> Page:
    """Return (rows, columns[, 3]) of the page at hand, and what was done to it."""
    notes = _depth_notes(image, name)
    wide = _tag(image, BITS, (8,)), _tag(image, SAMPLE_FORMAT, (UNSIGNED,))
    upright, turned = _upright(image)
    array, more = _values(upright, name)
    if image.mode == "I" and wide == ((32,), (UNSIGNED,)):
        # Pillow has no such mode, and gives the bits as signed ones.
        array = array.view(np.uint32)
    if image.mode == "L" and wide == ((8,), (SIGNED,)):
        array = array.view(np.int8)
    return array, (*notes, *turned, *more)


def _depth_notes(image: ImageFile, name: str) -> tuple[str, ...]:
    """Return what Pillow does to numbers that it has no mode for; refuse what it cuts."""
    arguments = (image.tile[0].args if image.tile else None) or ("",)
    raw = str(arguments if isinstance(arguments, str) else arguments[0])
    depth = raw.partition(";")[2]
    if image.mode in OF_8_BITS and ("16" in depth or max(_tag(image, BITS, (8,))) > 8):
        raise ValuesError(
            "VAL-COLOUR",
            f"{name} has colours or alpha of more than 8 bits ({raw}); wanted 8 bits per colour, or grey of 16 bits "
            "without alpha; convert it",
        )
    notes = []
    if image.mode == "L" and depth[:1] in ("2", "4"):
        notes.append(f"its grey of {depth[0]} bits was spread to 0..255")
    if image.mode in ("1", "L") and "I" in depth:
        notes.append("white is 0 in the file; its values were turned so that black is 0")
    elif image.mode not in ("1", "L") and _tag(image, PHOTOMETRIC) == 0:
        notes.append("white is 0 in the file; its values were left as they are, so it shows as a negative")
    return tuple(notes)


def _upright(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Turn a page as its EXIF orientation says. Pillow turns a TIFF by itself, when its pixels are read."""
    tiff = image.format == "TIFF"
    orientation = _tag(image, ORIENTATION, 1) if tiff else image.getexif().get(ORIENTATION, 1)
    image.load()
    if orientation not in range(2, 9):
        return image, ()
    note = (f"it was turned or mirrored as its EXIF orientation {orientation} says",)
    from PIL.ImageOps import exif_transpose

    return (image if tiff else exif_transpose(image)), note


def _values(image: Image.Image, name: str) -> Page:
    mode = image.mode
    if mode == "P":
        return _expanded(image)
    if "transparency" in image.info and mode in ("1", "L", "RGB"):
        return _without_alpha(image.convert("RGBA" if mode == "RGB" else "LA"))
    if mode.startswith("I;16"):
        return np.array(image).astype(np.uint16, copy=False), ()
    if mode in PLAIN:
        return np.array(image), ()
    if mode in ALPHA:
        return _without_alpha(image if mode in ("RGBA", "LA") else image.convert("LA" if mode == "La" else "RGBA"))
    if mode in CONVERTED:
        return np.array(image.convert("RGB")), (f"its {mode} was converted to R G B by Pillow, without a profile",)
    raise ValuesError("VAL-COLOUR", f"{name} has colours as {mode}; wanted grey or R G B; convert it")


def _without_alpha(image: Image.Image) -> Page:
    array, notes = composited(np.array(image))
    return (array[..., 0] if array.shape[-1] == 1 else array), notes


def _expanded(image: Image.Image) -> Page:
    """Return the colours of a palette, or its greys where it has no others."""
    palette = np.array(image.getpalette("RGB")).reshape(-1, 3)
    array, notes = _without_alpha(image.convert("RGBA" if "transparency" in image.info else "RGB").convert("RGBA"))
    if (palette == palette[:, :1]).all():
        return array[..., 0], ("its palette of greys was expanded to grey", *notes)
    return array, ("its palette was expanded to R G B", *notes)
