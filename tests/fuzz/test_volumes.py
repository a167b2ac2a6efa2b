"""Damaged volumes of other formats: what comes out is what nibabel, SimpleITK and numpy read, or a refusal of ours.

A peer may die of a header (ITK does, of signal 11), and so none is asked about a damaged file. A seed damages the
header of a volume whose numbers and place are known: what is read of it has to be that, or a refusal, or be told by a
note, or follow from the very field that was damaged.
"""

from __future__ import annotations

import gzip
import io
import random
import re
import select
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import nibabel
import numpy as np

from derive.errors import DeriveError
from derive.formats import open_file
from tests.helpers.fuzzing import faults, refused, seeds

#: Of about 2,000 damaged inputs in CI these are the volumes.
COUNT = 800
SHAPE = (5, 6, 7)
VALUES = (np.arange(np.prod(SHAPE)) * 13 % 2000 - 1000).astype("<i2").reshape(SHAPE, order="F")
NUMBERS = (
    "0",
    "-1",
    "1",
    "2",
    "3",
    "7",
    "255",
    "65536",
    "100000",
    "4611686018427387904",
    "9223372036854775807",
    "-9223372036854775808",
    "1e-300",
    "1e308",
    "1e400",
    "nan",
    "inf",
    "-0.0",
    "0.1",
    "1_0",
    "0x10",
    "--1",
    "(1,0,0)",
    "none",
    "True",
)
BYTES = (b"\0", b"\xff", b"\n", b" ", b"=", b":", b"%n", b"(", b")", b"1" * 4000, b"A" * 9, b"LIST\n", b"\r\n\r\n")
MHA = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
CompressedData = {packed}
{size}TransformMatrix = 1 0 0 0 0.6 0.8 0 -0.8 0.6
Offset = -10 5 3
CenterOfRotation = 0 0 0
AnatomicalOrientation = ???
ElementSpacing = 0.8 0.7 2
DimSize = 5 6 7
ElementType = MET_SHORT
ElementDataFile = LOCAL
"""
NRRD = """NRRD0004
# made for tests
type: short
dimension: 3
space: left-posterior-superior
sizes: 5 6 7
space directions: (0.8,0,0) (0,0.42,0.56) (0,-1.6,1.2)
kinds: domain domain domain
endian: little
encoding: {encoding}
space origin: (-10,5,3)

"""
#: How each file begins: what is damaged of it.
HEADERS = {"nii": 352, "nii.gz": 352, "mha": 400, "nrrd": 260, "npy": 128, "npz": 200}


def whole(kind: str, packed: bool) -> bytes:
    """A file that is as it should be."""
    content = VALUES.tobytes(order="F")
    if kind == "mha":
        data = zlib.compress(content) if packed else content
        size = f"CompressedDataSize = {len(data)}\n" if packed else ""
        return MHA.format(packed=packed, size=size).encode() + data
    if kind == "nrrd":
        return NRRD.format(encoding="gzip" if packed else "raw").encode() + (
            gzip.compress(content) if packed else content
        )
    stream = io.BytesIO()
    if kind == "npy":
        np.save(stream, np.asfortranarray(VALUES.T) if packed else VALUES.T)
    elif kind == "npz":
        (np.savez_compressed if packed else np.savez)(stream, volume=VALUES.T)
    else:
        image = (nibabel.Nifti2Image if packed else nibabel.Nifti1Image)(VALUES, None)
        affine = np.array([[-0.8, 0, 0, 10], [0, 0.42, -1.6, -5], [0, 0.56, 1.2, 3], [0, 0, 0, 1]])
        image.header.set_sform(affine, 1)
        image.header.set_qform(affine, 1)
        image.header.set_xyzt_units("mm")
        stream.write(image.to_bytes())
    return stream.getvalue()


def damaged(kind: str, draw: random.Random) -> bytes:
    """The same with one to three faults in its header, packed afterwards where the whole file is."""
    content = bytearray(whole(kind, draw.random() < 0.4))
    for _ in range(draw.choice((1, 1, 2, 3))):
        content = _fault(kind, content, draw)
    return gzip.compress(bytes(content), 1) if kind == "nii.gz" else bytes(content)


def _fault(kind: str, content: bytearray, draw: random.Random) -> bytearray:
    size = min(HEADERS[kind], len(content))
    if not size:
        return content
    choice = draw.random()
    if kind in ("mha", "nrrd", "npy") and choice < 0.6:
        return _of_text(content, size, draw)
    at = draw.randrange(size)
    if choice < 0.75:
        new = draw.choice((struct.pack("<f", draw.choice((0.0, -1.0, np.nan, 1e-38, 3e38, 1.5))), b"\0\0", b"\xff\x7f"))
        content[at : at + len(new)] = new
    elif choice < 0.85:
        content[at] ^= 1 << draw.randrange(8)
    elif choice < 0.92:
        content[at:at] = draw.choice(BYTES)
    else:
        del content[draw.randrange(len(content)) :]
    return content


def _of_text(content: bytearray, size: int, draw: random.Random) -> bytearray:
    """Change a word, or take a line away, double it or move it."""
    head, data = bytes(content[:size]), bytes(content[size:])
    if draw.random() < 0.6:
        words = list(re.finditer(rb"[\w.+-]+", head)) or [re.match(rb"", head)]
        word = draw.choice(words)
        new = draw.choice(NUMBERS).encode() if draw.random() < 0.8 else draw.choice(BYTES)
        return bytearray(head[: word.start()] + new + head[word.end() :] + data)
    lines = head.splitlines(keepends=True)
    at = draw.randrange(len(lines))
    line = lines.pop(at)
    for _ in range(draw.choice((0, 0, 1, 2))):
        lines.insert(draw.randrange(len(lines) + 1), line)
    return bytearray(b"".join(lines) + data)


def judge(seed: int, folder: Path) -> str:
    """Read a damaged volume; what comes out is right, refused or told."""
    draw = random.Random(seed)
    kind = draw.choice(list(HEADERS))
    path = folder / f"v.{kind}"
    path.write_bytes(damaged(kind, draw))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            samples = open_file(path)
            samples.array.sum(dtype=np.float64)
    except DeriveError as error:
        return refused(error)
    else:
        return differs(samples, path, kind)
    finally:
        path.unlink()


def differs(samples, path: Path, kind: str) -> str:
    """What of the values or of the place is not what the peer of a format reads of the very same file."""
    try:
        if kind.startswith("npz"):
            with np.load(path) as found:
                theirs, affine = found[found.files[0]].T, None
        elif kind == "npy":
            theirs, affine = np.load(path).T, None
        elif kind.startswith("nii"):
            theirs, affine = _by_nibabel(path)
        else:
            return _differs_from_itk(samples, path)
    except Exception as error:
        return f"{type(error).__name__} of the peer: {error}; and we read it"
    return _compared(samples, theirs, affine)


def _by_nibabel(path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nibabel.imageglobals.logger.disabled = True
        image = nibabel.load(path)
        return image.dataobj.get_unscaled(), np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine


_ITK = """
import sys, numpy, SimpleITK as sitk
print("ready", flush=True)
for line in sys.stdin:
    path, answer = line.rstrip().split(chr(9))
    try:
        image = sitk.ReadImage(path)
    except RuntimeError:
        print("refused", flush=True)
        continue
    n = image.GetDimension()
    m, affine = min(n, 3), numpy.eye(4)
    affine[:m, :m] = numpy.reshape(image.GetDirection(), (n, n))[:m, :m] * image.GetSpacing()[:m]
    affine[:m, 3] = image.GetOrigin()[:m]
    numpy.savez(answer, values=sitk.GetArrayFromImage(image).T, affine=affine)
    print("read", flush=True)
"""


class Itk:
    """ITK in a process of its own, for it may die or hang; where it does there is nothing to compare."""

    process: subprocess.Popen[str] | None = None

    @classmethod
    def reads(cls, path: Path, answer: Path) -> bool:
        """Whether it reads a file; what it makes of it is in `answer` then."""
        if cls.process is None or cls.process.poll() is not None:
            cls.process = subprocess.Popen(
                [sys.executable, "-c", _ITK],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            assert cls.process.stdout is not None
            cls.process.stdout.readline()
        pipes = cls.process.stdin, cls.process.stdout
        assert pipes[0] is not None
        assert pipes[1] is not None
        pipes[0].write(f"{path}\t{answer}\n")
        pipes[0].flush()
        ready, _, _ = select.select([pipes[1]], [], [], 10)
        if not ready:
            cls.process.kill()
            cls.process.wait()
            return False
        return pipes[1].readline().strip() == "read"


def _differs_from_itk(samples, path: Path) -> str:
    answer = path.with_suffix(".answer.npz")
    try:
        if not Itk.reads(path, answer):
            return ""
        with np.load(answer) as found:
            return _compared(samples, found["values"], found["affine"])
    finally:
        answer.unlink(missing_ok=True)


def _compared(samples, theirs, affine) -> str:
    if samples.notes:
        return ""
    ours = samples.array
    if ours.size != theirs.size or not np.array_equal(
        ours.reshape(-1, order="F"), theirs.reshape(-1, order="F"), equal_nan=theirs.dtype.kind == "f"
    ):
        return f"other values: {ours.shape} {ours.dtype}, and the peer {theirs.shape} {theirs.dtype}"
    if (
        affine is not None
        and samples.affine is not None
        and not np.allclose(samples.affine, affine, rtol=1e-4, atol=1e-3)
    ):
        return f"another place: {samples.affine.tolist()}, and the peer {affine.tolist()}"
    return ""


def test_damaged_volumes_are_read_as_others_read_them_or_refused(tmp_path):
    assert faults(judge, seeds(COUNT), tmp_path) == {}


def test_whole_volumes_are_read(tmp_path):
    for kind in HEADERS:
        for packed in (False, True):
            path = tmp_path / f"v.{kind}"
            path.write_bytes(gzip.compress(whole(kind, packed)) if kind == "nii.gz" else whole(kind, packed))
            samples = open_file(path)
            np.testing.assert_array_equal(samples.array[..., 0], VALUES)
            assert differs(samples, path, kind) == ""
            assert (samples.affine is None) == kind.startswith("np")
