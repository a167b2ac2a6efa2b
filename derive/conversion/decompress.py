"""Objects that exist with native pixels, or compressed in another way without loss: the same instances, byte for byte.

Of an object nothing changes but how its Pixel Data is encoded, and what has to say so: the transfer syntax, and where
decoded samples are of another colour model, or lie in another way, Photometric Interpretation and Planar Configuration.
What was compressed with loss stays marked so, and is marked where it was not (PS3.3 C.7.6.1.1.5). No value is lost,
and so no instance gets a new UID.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset

from derive.conversion.repacking import Repacked, repacked
from derive.correction.members import Members, SetMember, members_of, name_below, walking
from derive.errors import OutputError
from derive.model.source import Skipped
from derive.pixels.compressions import Compression
from derive.reading.files import Source
from derive.rewriting.file import runs_of_parts
from derive.rewriting.splice import exchanged
from derive.told.progress import tell
from derive.told.wording import counted
from derive.writing.atomic import target_folder
from derive.writing.packing import Sizes
from derive.writing.part10 import write_runs

SCHEMA = "derive-decompression/1"


def decompress(objects: Source, /, *, compress: str | Compression | None = None) -> Decompression:
    """Give objects native pixels; nothing is read or written before it is asked for.

    Parameters
    ----------
    objects : path, paths or pydicom Datasets
        Of every kind; what has no compressed pixels stays as it is.
    compress : {"jpeg2000", "jpeg-ls", "rle", "htj2k", "deflated"}, optional
        Compressed in this way instead, without loss.

    Raises
    ------
    UsageError
        ``OPT-COMPRESS``, ``OPT-PACKAGE``

    Examples
    --------
    >>> import derive
    >>> packed = derive.build(derive.demo_series(), derive.operations.crop(from_voxel=(0, 0, 0), to_voxel=(9, 9, 1)),
    ...     compress="rle")
    >>> [d.file_meta.TransferSyntaxUID.name for d in derive.decompress(packed.instances()).instances()]
    ['Explicit VR Little Endian', 'Explicit VR Little Endian']
    """
    how = Compression(compress) if isinstance(compress, str) else compress
    return Decompression(objects, how)


@dataclass(frozen=True)
class DecompressionReport:
    """What was done.

    Parameters
    ----------
    folder : Path
    count, changed : int
        How many objects were written, and how many of them are encoded otherwise than they were.
    sizes : Sizes
        Of what was compressed.
    others : tuple of Skipped
        What was no object, and is not there.
    compression : Compression, optional
        None: native.
    """

    folder: Path
    count: int
    changed: int
    sizes: Sizes
    others: tuple[Skipped, ...] = ()
    compression: Compression | None = None

    @property
    def summary(self) -> str:
        """How many of how many."""
        how = "decompressed" if self.compression is None else f"encoded as {self.compression.method}"
        ratio = "" if self.sizes.ratio is None else f", {self.sizes.ratio:.2f}:1"
        return f"{how}: {self.changed} of {counted(self.count, 'object')}{ratio}"

    def __str__(self) -> str:
        """In one line."""
        return f"{self.summary} in {self.folder}"

    def to_json(self) -> dict[str, Any]:
        """Return it, for programs."""
        return {
            "schema": SCHEMA,
            "folder": str(self.folder),
            "objects": self.count,
            "changed": self.changed,
            "method": self.compression.method if self.compression else None,
            "ratio": self.sizes.ratio,
            "others": [{"name": o.name, "reason": o.reason} for o in self.others],
        }


@dataclass(frozen=True)
class Decompression:
    """Objects to be encoded otherwise: made and written when asked.

    Parameters
    ----------
    objects : path, paths or pydicom Datasets
    compression : Compression, optional
        None: native.
    """

    objects: Source
    compression: Compression | None = None

    @cached_property
    def members(self) -> Members:
        """The objects."""
        return members_of(self.objects)

    def instances(self) -> Iterator[Dataset]:
        """Give the objects one at a time, as plain Datasets with File Meta Information."""
        for member in self.members.objects:
            stored = member.stored()
            with walking(stored):
                made = repacked(stored, self.compression)
                runs = made.runs if made is not None else runs_of_parts(exchanged(stored, {}))
                data = b"".join(runs)
            yield dcmread(io.BytesIO(data), force=True)

    def write(self, folder: str | Path, *, overwrite: bool = False) -> DecompressionReport:
        """Write all objects into a folder, under the names that they have: everything, or nothing.

        Parameters
        ----------
        folder : str or Path
            New or empty.
        overwrite : bool
            Replace a folder that is not empty, as a whole, if derive wrote all that is in it.

        Raises
        ------
        SourceError, ValuesError
            For an object that cannot be decoded, or encoded as asked.
        OutputError
            If the folder cannot be written as asked.
        """
        members = self.members
        size = sum(path.stat().st_size for path in members.paths)
        changed, sizes = 0, Sizes()
        with target_folder(Path(folder), size, members.paths, overwrite=overwrite) as temporary:
            for number, member in enumerate(members.objects, 1):
                made = self._write(temporary / name_below(member), member, temporary.parent)
                changed += made is not None
                if made is not None and made.frames is not None:
                    sizes += Sizes(made.frames.native_length, sum(made.frames.lengths))
                tell("decompressing", number, len(members.objects))
        return DecompressionReport(Path(folder), len(members.objects), changed, sizes, members.others, self.compression)

    def _write(self, path: Path, member: SetMember, aside: Path) -> Repacked | None:
        """Write an object, or copy it byte for byte."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise OutputError(
                "OUT-EXISTS", f"two objects of the source are called {path.name}; decompress their folders one by one"
            )
        stored = member.stored()
        with walking(stored), member.open() as stream:
            made = repacked(stored, self.compression, aside)
            if made is not None:
                runs = made.runs
            elif isinstance(member.origin, Dataset):
                runs = runs_of_parts(exchanged(stored, {}))
            else:
                runs = iter(lambda: stream.read(1 << 20), b"")
            if not write_runs(path, runs):
                raise OutputError("OUT-REREAD", f"{path.name} does not hold what was made; the disk cannot be trusted")
        return made
