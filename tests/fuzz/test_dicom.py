"""Headers of DICOM files and zip archives, damaged in every way: refused by name, or read as pydicom reads them."""

from __future__ import annotations

import random
import shutil
import struct
import warnings
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import JPEGLSLossless, RLELossless

import derive
from tests.helpers.encodings import deflated, encoded, part10
from tests.helpers.fuzzing import faults, refused, seeds
from tests.helpers.sources import make_series

HEADERS, ZIPS = 900, 300
EXPLICIT, IMPLICIT, BIG, DEFLATED = (f"1.2.840.10008.1.2{end}" for end in (".1", "", ".2", ".1.99"))
COMPRESSED = {RLELossless: "pydicom", JPEGLSLossless: "pyjpegls"}
VRS = [v.value.encode() for v in pydicom.valuerep.VR if len(v.value) == 2]
#: What decides how pixels are read, and what lies where.
STRUCTURE = [
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel", "PixelData",
    "PhotometricInterpretation", "RescaleSlope", "RescaleIntercept", "ImagePositionPatient", "ImageOrientationPatient",
    "PixelSpacing", "ReferencedImageSequence", "SpecificCharacterSet", "SeriesInstanceUID", "InstanceNumber",
]  # fmt: skip
ODD_VALUES = [b"1_0 ", b"inf ", b"nan ", b"0x10", b"1 0 ", b"47.7", b"-1  ", b"1\\2 ", b"\xef\xbc\x91 ", b"", b"\0\0",
              b"\xff\xff", b"\0\0\xf0\x7f", b"1e99", b"\\\\  ", b"9" * 64]  # fmt: skip


@cache
def bodies():
    """Series as bytes: (declared syntax, the images before their pixels are damaged)."""
    made = [(syntax, [part10(syntax, body(d, syntax)) for d in slices(m)]) for m in ("CT", "MR", "PT") for syntax in
            (EXPLICIT, IMPLICIT, DEFLATED)]  # fmt: skip
    for syntax, plugin in COMPRESSED.items():
        made.append((syntax, [compressed(d, syntax, plugin) for d in slices("CT")]))
    return made


def slices(modality):
    made = make_series(modality, 3, shape=(8, 10))
    for dataset in made:
        inner, outer = Dataset(), Dataset()
        inner.CodeValue, inner.CodingSchemeDesignator, inner.CodeMeaning = "121312", "DCM", "Localizer"
        outer.ReferencedSOPClassUID, outer.ReferencedSOPInstanceUID = dataset.SOPClassUID, "1.2.3.4"
        outer.PurposeOfReferenceCodeSequence = Sequence([inner])
        dataset.ReferencedImageSequence = Sequence([outer, outer])
    return made


def body(dataset, syntax):
    plain = encoded(dataset, lambda path: syntax == IMPLICIT)
    return deflated(plain) if syntax == DEFLATED else plain


def compressed(dataset, syntax, plugin):
    dataset.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False)
    from io import BytesIO

    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def place(data, rng):
    """Where an element of the structure begins; anywhere in the header where it is not found."""
    keyword = rng.choice(STRUCTURE)
    tag = int(pydicom.tag.Tag(keyword))
    at = data.find(struct.pack("<HH", tag >> 16, tag & 0xFFFF), 132)
    return at if at >= 0 else rng.randrange(min(132, len(data) // 2), len(data))


def flip(data, rng):
    at = (
        rng.randrange(min(128, len(data) // 2), len(data))
        if rng.random() < 0.5
        else place(data, rng) + rng.randrange(12)
    )
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :] if at < len(data) else data


def byte(data, rng):
    at = rng.randrange(min(128, len(data) // 2), len(data))
    return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]


def length(data, rng):
    at = place(data, rng) + rng.choice([4, 6, 8])
    value = rng.choice([0, 1, 2, 3, 0xFFFF, 0xFFFFFFFF, 0x7FFFFFFF, rng.randrange(1 << 16), rng.randrange(1 << 32)])
    return data[:at] + struct.pack("<L", value)[: rng.choice([2, 4])] + data[at + 4 :]


def representation(data, rng):
    at = place(data, rng) + 4
    return data[:at] + rng.choice([*VRS, b"ZZ", b"\0\0", b"us"]) + data[at + 2 :]


def value(data, rng):
    at = place(data, rng) + 8
    odd = rng.choice(ODD_VALUES)
    return data[:at] + odd + data[at + len(odd) :]


def replaced(data, rng):
    """An element with another VR, of the right length."""
    at = place(data, rng)
    odd = rng.choice(ODD_VALUES)
    odd += b" " * (len(odd) % 2)
    end = at + 8 + int.from_bytes(data[at + 6 : at + 8], "little")
    head = data[at : at + 4] + rng.choice([b"US", b"DS", b"IS", b"LO", b"UL", b"FD", b"SS"])
    return data[:at] + head + struct.pack("<H", len(odd)) + odd + data[end:]


def cut(data, rng):
    return data[: rng.randrange(len(data))]


def deleted(data, rng):
    at = place(data, rng)
    return data[:at] + data[at + rng.choice([1, 2, 8, 10, rng.randrange(64)]) :]


def doubled(data, rng):
    at = place(data, rng)
    size = rng.choice([8, 10, 12, 16, rng.randrange(200)])
    part = data[at : at + size]
    return data[: at + size] + (flip(part + bytes(140), rng)[:size] if rng.random() < 0.5 else part) + data[at + size :]


def behind(data, rng):
    """Something behind the pixels: an element that stands there too, or nothing but bytes."""
    at = place(data, rng)
    return data + rng.choice([bytes(rng.randrange(600)), rng.randbytes(20), data[at : at + 10], b"\xfc\xff\xfc\xff"])


def nested(data, rng):
    at, levels = place(data, rng), rng.choice([3, 60, 100, 1000])
    implicit = rng.random() < 0.5
    head = b"\x08\x00\x40\x11" + (b"" if implicit else b"SQ\0\0") + b"\xff" * 4 + b"\xfe\xff\x00\xe0" + b"\xff" * 4
    return data[:at] + head * levels + data[at:]


def declared(data, rng):
    """Another transfer syntax than the data set is of."""
    for syntax in (EXPLICIT, IMPLICIT, BIG, DEFLATED):
        head = part10(syntax, b"")
        if data.startswith(head):
            return part10(rng.choice([EXPLICIT, IMPLICIT, BIG, DEFLATED, RLELossless, "1.2.3", ""]), data[len(head) :])
    return data


MUTATIONS = [flip, flip, byte, length, length, representation, value, replaced, cut, deleted, doubled, behind, nested,
             declared]  # fmt: skip


def damaged(seed):
    """Three images of which one is damaged, once or a few times."""
    rng = random.Random(seed)
    syntax, images = rng.choice(bodies())
    images = list(images)
    victim = rng.randrange(3)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        images[victim] = rng.choice(MUTATIONS)(images[victim], rng) or b"\0"
    return syntax, images, victim


def header_judge(seed: int, folder: Path) -> str:
    """What is wrong with how a damaged header is read."""
    _, images, victim = damaged(seed)
    source = folder / "in"
    source.mkdir()
    for index, content in enumerate(images):
        (source / f"{index}.dcm").write_bytes(content)
    try:
        return _read(source, victim) or (_described(source) if seed % 4 == 0 else "")
    finally:
        shutil.rmtree(source)


def _read(source, victim):
    try:
        series = derive.read(source)
        values = [frame.stored_values() for frame in series.frames]
    except Exception as error:
        return refused(error)
    for frame, stored in zip(series.frames, values, strict=True):
        told = any(frame.name in r.names for r in series.remarks)
        if frame.name == f"{victim}.dcm" and not told and (wrong := _otherwise(source / frame.name, frame, stored)):
            return f"{wrong} than pydicom reads, and no word of it"
    return ""


def _otherwise(path, frame, stored):
    """What differs from what pydicom reads of the same file; what it cannot read, nobody compares."""
    with warnings.catch_warnings(action="ignore"):
        try:
            dataset = pydicom.dcmread(path, force=True)
            position = [float(v) for v in dataset.ImagePositionPatient]
            expected, slope = dataset.pixel_array, float(dataset.get("RescaleSlope", 1))
        except Exception:
            return ""
    if expected.shape != stored.shape or not np.array_equal(_masked(expected, dataset), _masked(stored, dataset)):
        return "other values"
    if not np.allclose(position, frame.plane.position) or slope != frame.rescale[0]:
        return "another place or slope"
    return ""


def _masked(values, dataset):
    """The bits that are stored: pydicom leaves those above High Bit (PS3.5 8.1.1)."""
    return values.astype(np.int64) & ((1 << dataset.BitsStored) - 1)


def _described(source):
    for call in (derive.inspect, derive.check, derive.explain, lambda s: derive.diff(s, s)):
        try:
            assert str(call(source))
        except Exception as error:
            if fault := refused(error):
                return fault
    return ""


def zip_judge(seed: int, folder: Path) -> str:
    """What is wrong with how a damaged archive is read."""
    rng = random.Random(seed)
    path = folder / "a.zip"
    try:
        with zipfile.ZipFile(path, "w", rng.choice([0, 8, 8, 12, 14])) as archive:
            for index, content in enumerate(rng.choice(bodies())[1]):
                archive.writestr(rng.choice([f"{index}.dcm", f"a/{index}", f"ä{index}.dcm"]), content)
        data = path.read_bytes()
        for _ in range(rng.choice([1, 1, 2, 5])):
            data = _zip_damage(data, rng)
        path.write_bytes(data)
        return _volume(path) or (_described(path) if seed % 4 == 0 else "")
    finally:
        path.unlink()


def _zip_damage(data, rng):
    marks = [k for m in (b"PK\3\4", b"PK\1\2", b"PK\5\6") for k in range(len(data)) if data.startswith(m, k)]
    at = rng.choice(marks or [0]) + rng.randrange(60) if rng.random() < 0.7 else rng.randrange(len(data) or 1)
    how = rng.random()
    if how < 0.4:
        return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    if how < 0.7:
        return data[:at] + rng.choice([b"\xff\xff\xff\xff", b"\xff\xff", bytes(4), b"\1\0"]) + data[at + 4 :]
    if how < 0.85:
        return data[: rng.randrange(len(data) or 1)] or b"PK\3\4"
    return data[:at] + data[at + rng.randrange(40) :]


def _volume(path):
    try:
        assert derive.read(path).volume.array.size
    except Exception as error:
        return refused(error)
    return ""


def test_damaged_headers(tmp_path):
    assert faults(header_judge, seeds(HEADERS), tmp_path) == {}


def test_damaged_archives(tmp_path):
    assert faults(zip_judge, seeds(ZIPS), tmp_path) == {}
