"""Part 10 files, all or none (PS3.10): written beside the target and renamed when everything is right."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from derive.elements import Element, Packer, encode, pack, tag_of
from derive.errors import OutputError
from derive.uids import IMPLEMENTATION_CLASS_UID
from derive.version import VERSION

#: File Meta Information that is the same in all instances, and that which repeats the data set (PS3.10 7.1).
_META = {
    "FileMetaInformationVersion": b"\0\1",
    "TransferSyntaxUID": ExplicitVRLittleEndian,
    "ImplementationClassUID": UID(IMPLEMENTATION_CLASS_UID),
    "ImplementationVersionName": f"DERIVE {VERSION}"[:16],
}
_REPEATED = {"MediaStorageSOPClassUID": "SOPClassUID", "MediaStorageSOPInstanceUID": "SOPInstanceUID"}
_REPEATED_TAGS = {tag_of(meta): tag_of(own) for meta, own in _REPEATED.items()}
_PREAMBLE = b"\0" * 128 + b"DICM"


def file_name(number: int) -> str:
    """Name of an instance by its number: IM00001.dcm, in spatial order."""
    return f"IM{number:05d}.dcm"


def file_meta(dataset: Dataset) -> FileMetaDataset:
    """File Meta Information of an instance in Explicit VR Little Endian (PS3.10 7.1)."""
    meta = FileMetaDataset()
    for keyword, value in _META.items():
        setattr(meta, keyword, value)
    for keyword, own in _REPEATED.items():
        setattr(meta, keyword, dataset[own].value)
    return meta


class Part10:
    """Encodes the instances of a series as Part 10 files, in Explicit VR Little Endian.

    What is the same in all of them is encoded once. The bytes are those that pydicom writes for the Dataset
    of the same elements.
    """

    def __init__(self) -> None:
        self._packer = Packer()
        self._meta = [encode(keyword, value) for keyword, value in _META.items()]

    def parts(self, elements: Mapping[int, Element]) -> list[bytes]:
        """Return the file of an instance: some runs of bytes, one after the other."""
        meta = pack([*self._meta, *(Element(meta, "UI", elements[own].value) for meta, own in _REPEATED_TAGS.items())])
        length = pack([Element(0x00020000, "UL", struct.pack("<L", len(meta)))])
        first, *rest = self._packer.parts(elements)
        return [b"".join([_PREAMBLE, length, meta, first]), *rest]


def write_instance(path: Path, parts: Sequence[bytes]) -> bool:
    """Write one instance, encoded as a Part 10 file, and read it back.

    Parameters
    ----------
    path : Path
        A file that is new.
    parts : sequence of bytes
        What it shall hold, one after the other.

    Returns
    -------
    bool
        Whether it holds just that.

    Raises
    ------
    OutputError
        ``OUT-WRITE`` if the file system refuses.
    """
    try:
        with open(path, "x+b", buffering=0) as stream:
            for part in parts:
                if stream.write(part) != len(part):
                    raise OSError("the disk took only a part of it")
            stream.seek(0)
            return all(stream.read(len(part)) == part for part in parts) and not stream.read(1)
    except OSError as error:
        raise OutputError("OUT-WRITE", f"{path.name} cannot be written: {error.strerror or error}") from error


@contextmanager
def target_folder(target: Path, size: int, sources: Sequence[Path], *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary folder beside the target that takes its place when the block ends well.

    Parameters
    ----------
    target : Path
    size : int
        Bytes that will be written.
    sources : sequence of Path
        Files that must not be touched.
    overwrite : bool
        Whether a target that is not empty is replaced as a whole.

    Raises
    ------
    OutputError
        ``OUT-EXISTS``, ``OUT-SOURCE``, ``OUT-SPACE``, ``OUT-WRITE``.
    """
    target = target.resolve()
    missing = [p for p in target.parents if not p.exists()]
    try:
        _refuse(target, sources, overwrite)
        target.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(target.parent).free < size:
            raise OutputError("OUT-SPACE", f"{size / 1e6:.0f} MB are needed beside {target}, and there are less")
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    except OSError as error:
        raise OutputError("OUT-WRITE", f"{target.parent} cannot be written: {error.strerror or error}") from error
    try:
        yield temporary
        _replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if not target.exists():
            _remove_empty(missing)


def _refuse(target: Path, sources: Sequence[Path], overwrite: bool) -> None:
    folders = {
        folder for s in sources for folder in (s.parent.resolve(), s.resolve().parent)
    }  # links, and what they show
    if any(target == f or target in f.parents for f in folders):
        raise OutputError("OUT-SOURCE", f"{target} holds files of the source; choose another folder")
    if target.is_file():
        raise OutputError("OUT-EXISTS", f"{target} is a file; wanted a folder that is new or empty")
    if target.is_dir() and any(target.iterdir()) and not overwrite:
        raise OutputError("OUT-EXISTS", f"{target} is not empty; --overwrite replaces it as a whole")


def _replace(temporary: Path, target: Path) -> None:
    """Move the old folder aside, the new one in, then remove the old one; put it back if that fails."""
    aside = temporary.with_suffix(".old")
    try:
        temporary.chmod(0o777 & ~_umask())
        if target.exists():
            target.rename(aside)
        temporary.rename(target)
    except OSError as error:
        if aside.exists() and not target.exists():
            aside.rename(target)
        raise OutputError("OUT-WRITE", f"{target} cannot be replaced: {error.strerror or error}") from error
    shutil.rmtree(aside, ignore_errors=True)


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders that were made for nothing, the innermost first."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
