"""How long it takes to blank JPEG in its blocks: ``python -m tests.benchmarks.blanking``.

Beside it what one would do otherwise: read the coefficients with jpeglib (libjpeg), and write them anew (``pip install
jpeglib``; left out where that is not installed), and decode and encode again with Pillow, which changes every sample.
"""

from __future__ import annotations

import importlib
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from pydicom import dcmread
from pydicom.encaps import generate_frames

from derive.pixels.area import Area
from derive.pixels.jpeg.blanking import blanked
from derive.pixels.jpeg.markers import parsed
from tests.conftest import DATA

FILES = {
    "XA, 512 x 512 grey": "xa_rubo_96f/jpeg8bit.dcm",
    "CT, 512 x 512 grey, fine": "cornerstone_one_ct_all_syntaxes/*JPEGProcess1Transfer*",
    "US, 320 x 240 colour, 4:2:0": "pydicom_test_files/test_files/examples_ybr_color.dcm",
    "photograph, 2048 x 1536, 4:4:4": "deid_cookies_us/dicom-cookies/image1.dcm",
}
RUNS = 7


def median_ms(work: Callable[[], object]) -> float:
    """Milliseconds of CPU, the median of some runs."""
    taken = []
    for _ in range(RUNS):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return 1000 * sorted(taken)[RUNS // 2]


def by_jpeglib(codestream: bytes, folder: Path) -> Callable[[], object] | None:
    """Read coefficients, blank them, and write them: through files, as that library has it."""
    try:
        jpeglib = importlib.import_module("jpeglib")
    except ImportError:
        return None
    source, target = folder / "in.jpg", folder / "out.jpg"
    source.write_bytes(codestream)

    def work() -> bytes:
        image = jpeglib.read_dct(str(source))
        image.Y[:5] = 0
        image.write_dct(str(target))
        return target.read_bytes()

    return work


def by_pillow(codestream: bytes) -> bytes:
    """Decode, blank, and encode with the quantization that it had."""
    image = Image.open(io.BytesIO(codestream))
    quantization = image.quantization
    image.load()
    image.paste(0, (0, 0, image.width, 40))
    written = io.BytesIO()
    image.save(written, "JPEG", qtables=quantization, subsampling=-1)
    return written.getvalue()


def main() -> None:
    """Print the table."""
    print("| frame | bytes | banner of 40 rows | jpeglib | Pillow, anew |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, pattern in FILES.items():
            dataset = dcmread(next(iter(sorted(DATA.glob(pattern)))))
            frames = int(dataset.get("NumberOfFrames") or 1)
            frame = next(generate_frames(dataset.PixelData, number_of_frames=frames))
            image = parsed(frame[: frame.rindex(b"\xff\xd9") + 2])
            levels = (-1, 0, 0)[: len(image.components)]
            areas = [Area(0, 0, image.columns, 40)]
            own = median_ms(lambda frame=frame, areas=areas, levels=levels: blanked(frame, areas, levels))
            other = by_jpeglib(frame, Path(folder))
            theirs = f"{median_ms(other):.1f} ms" if other else "-"
            anew = median_ms(lambda frame=frame: by_pillow(frame))
            print(f"| {name} | {len(frame)} | {own:.1f} ms | {theirs} | {anew:.1f} ms |", flush=True)


if __name__ == "__main__":
    main()
