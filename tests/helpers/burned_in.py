"""Images of every kind with text drawn into them, and what is read of them after they were cleaned."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import cv2
import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from derive.deidentification.pixels.clean import CleanedPixels, clean_pixels
from derive.deidentification.pixels.plan import PixelPlan
from derive.elements.encoding import decode
from derive.pixels.recode import encoded
from derive.pixels.samples import SampleLayout
from derive.rewriting.file import StoredFile, stored_file

CT, MR, US, SC = (f"1.2.840.10008.5.1.4.1.1.{n}" for n in ("2", "4", "6.1", "7"))
CR, SEG = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.66.4"
RLE, JPEG_LOSSLESS, JPEG_LS, JPEG_2000 = (f"1.2.840.10008.1.2.{n}" for n in ("5", "4.70", "4.80", "4.90"))
ROWS, COLUMNS = 64, 96
#: Where the text stands, in whatever size.
BOX = (8, 6, 60, 20)


@dataclass(frozen=True)
class Kind:
    """A kind of image: what its pixels are, and what black is there."""

    photometric: str
    black: tuple[int, ...]
    samples: int = 1
    allocated: int = 16
    stored: int = 16
    signed: bool = False
    frames: int = 1
    sop_class: str = MR
    more: dict[str, object] = field(default_factory=dict)

    @property
    def layout(self) -> SampleLayout:
        bits = self.allocated, self.stored, self.stored - 1
        return SampleLayout(
            str(ExplicitVRLittleEndian),
            self.frames,
            ROWS,
            COLUMNS,
            self.samples,
            False,
            *bits,
            self.signed,
            self.photometric,
        )


#: The darkest entry of the palette is number 5.
PALETTE = {"first": 0, "red": [90, 80, 70, 60, 50, 3] + [100 + i % 150 for i in range(250)]}
KINDS = {
    "MR": Kind("MONOCHROME2", (0,)),
    "MR of 12 bits": Kind("MONOCHROME2", (0,), stored=12),
    "CT": Kind("MONOCHROME2", (-32768,), signed=True, sop_class=CT),
    "CT of 12 bits": Kind("MONOCHROME2", (-2048,), stored=12, signed=True, sop_class=CT),
    "CR": Kind("MONOCHROME1", (1023,), stored=10, sop_class=CR),
    "negative slope": Kind("MONOCHROME2", (4095,), stored=12, more={"RescaleSlope": -1, "RescaleIntercept": 0}),
    "US in colour": Kind("RGB", (0, 0, 0), 3, 8, 8, sop_class=US),
    "US in YBR": Kind("YBR_FULL", (0, 128, 128), 3, 8, 8, sop_class=US),
    "palette": Kind("PALETTE COLOR", (5,), 1, 8, 8, sop_class=US),
    "cine": Kind("MONOCHROME2", (0,), 1, 8, 8, frames=4, sop_class="1.2.840.10008.5.1.4.1.1.3.1"),
    "cine in colour": Kind("RGB", (0, 0, 0), 3, 8, 8, frames=3, sop_class="1.2.840.10008.5.1.4.1.1.3.1"),
}


def drawn(kind: Kind, text: str = "DOE 1", seed: int = 3) -> np.ndarray:
    """Stored values, (frames, rows, columns, samples), with a text at the place that is blanked."""
    low, high = kind.layout.stored_range
    random = np.random.default_rng(seed)
    values = random.integers(low, high + 1, (kind.frames, ROWS, COLUMNS, kind.samples))
    for frame in values:
        for sample in range(kind.samples):
            page = np.zeros((ROWS, COLUMNS), np.uint8)
            cv2.putText(page, text, (BOX[0], BOX[1] + 15), cv2.FONT_HERSHEY_PLAIN, 1, 255)
            frame[..., sample][page > 0] = high
    return values


def dataset(kind: Kind, values: np.ndarray, syntax: str = str(ExplicitVRLittleEndian), **attributes: object) -> Dataset:
    """An image of these values, encoded in a transfer syntax."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.SOPClassUID, ds.SOPInstanceUID = kind.sop_class, generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.PatientName, ds.PatientID, ds.StudyDate = "DOE^JANE", "MRN77881", "20200102"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = ROWS, COLUMNS, kind.samples
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = kind.allocated, kind.stored, kind.stored - 1
    ds.PixelRepresentation, ds.PhotometricInterpretation = int(kind.signed), kind.photometric
    if kind.samples > 1:
        ds.PlanarConfiguration = 0
    if kind.frames > 1:
        ds.NumberOfFrames = kind.frames
    if kind.photometric == "PALETTE COLOR":
        for colour in ("Red", "Green", "Blue"):
            setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [len(PALETTE["red"]), PALETTE["first"], 16])
            setattr(ds, f"{colour}PaletteColorLookupTableData", np.array(PALETTE["red"], "<u2").tobytes())
    for keyword, value in {**kind.more, **attributes}.items():
        setattr(ds, keyword, value)
    words = values.astype(kind.layout.dtype)
    if UID(syntax).is_compressed:
        frames = [encoded(frame, kind.layout._replace(transfer_syntax=syntax), "a test") for frame in words]
        assert all(frames), "the test has an encoder"
        ds.PixelData = encapsulate(frames)
        ds["PixelData"].VR = "OB"
    else:
        ds.PixelData = words.tobytes() + b"\0" * (words.nbytes % 2)
        ds["PixelData"].VR = "OW" if kind.allocated > 8 else "OB"
    ds.file_meta.TransferSyntaxUID = syntax
    return ds


def file_of(ds: Dataset) -> StoredFile:
    """The data set as a file."""
    written = io.BytesIO()
    ds.save_as(written, enforce_file_format=True)
    return stored_file("a test", lambda: io.BytesIO(written.getvalue()))


def cleaned(ds: Dataset, plan: PixelPlan) -> tuple[CleanedPixels, Dataset]:
    """What became of the pixels, and the data set with them, written and read back."""
    result = clean_pixels(file_of(ds), plan)
    written = io.BytesIO()
    ds.save_as(written, enforce_file_format=True)
    again = dcmread(io.BytesIO(written.getvalue()))
    if result.changed:
        again.PixelData = result.value[:-8] if result.encapsulated else result.value
        again["PixelData"].VR = result.vr
        again["PixelData"].is_undefined_length = result.encapsulated
        again.file_meta.TransferSyntaxUID = result.transfer_syntax
        for tag, element in result.elements.items():
            if element is None:
                del again[tag]
            else:
                again.add_new(tag, element.vr, decode(element))
    written = io.BytesIO()
    again.save_as(written, enforce_file_format=True)
    return result, dcmread(io.BytesIO(written.getvalue()))


def samples_of(ds: Dataset) -> np.ndarray:
    """Samples as they are stored, (frames, rows, columns, samples)."""
    ds.pixel_array_options(raw=True)
    samples = int(ds.SamplesPerPixel)
    return ds.pixel_array.reshape(int(ds.get("NumberOfFrames", 1)), ds.Rows, ds.Columns, samples)
