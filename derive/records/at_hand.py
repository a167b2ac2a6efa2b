"""Where the source images of a written series are: of several folders that hold some of them the most complete one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path, PurePath

from derive.reading.files import Files, Origin, find
from derive.reading.header import Header
from derive.reading.scan import scan
from derive.records.written import Gathered, gather

#: How many neighbours of a folder are looked into for a series, how many folders and names of each, and how many files
#: of each folder.
_NEIGHBOURS, _FOLDERS, _NAMES, _PEEKED = 200, 50, 20_000, 3


def sources_at_hand(
    written: Files, found: Gathered, sources: Files | None, series: str, needed: Collection[str]
) -> Gathered | None:
    """Return the source images of a written series, each once.

    People have copies: a download that was cut, a back-up, an export. The folder counts that holds most of the images
    that are needed, and of these the one that holds most of the series; from its copies only what it lacks is taken.

    Parameters
    ----------
    written : path, or iterable of paths
        The input.
    found : Gathered
        What is in it.
    sources : path, or iterable of paths, optional
        Where to look; without, in the input itself and in the folders beside it.
    series : str
        Series Instance UID; empty where the files do not say it: the images that are needed are looked for then.
    needed : collection of str
        SOP Instance UIDs of the images that are referenced.

    Returns
    -------
    Gathered or None
        None where nobody named sources, and they are nowhere.
    """
    if sources is not None:
        return _each_once(gather(sources), series, needed)
    here = any(_is_of(h.lenient, series, needed) for h in found.headers)
    if here and _missing(found, needed) == 0:
        return _each_once(found, series, needed)
    candidates = [*([found] if here else []), *_beside(written, series, needed)]
    if not candidates:
        return None
    best = min(candidates, key=lambda g: (_missing(g, needed), -sum(_is_of(h, series, needed) for h in g.headers)))
    return _each_once(best, series, needed)


def with_others(
    at_hand: Gathered, written: Files, found: Gathered, sources: Files | None, needed: Mapping[str, Collection[str]]
) -> Gathered:
    """Add the images of other series, each found as :func:`sources_at_hand` finds those of the first.

    Parameters
    ----------
    at_hand : Gathered
        Those of the first.
    written, found, sources
        As there.
    needed : mapping Series Instance UID -> SOP Instance UIDs
    """
    each = {h.lenient.text("SOPInstanceUID"): h for h in at_hand.headers}
    for series, uids in needed.items():
        more = at_hand if sources is not None else sources_at_hand(written, found, None, series, uids)
        for header in _each_once(more, series, uids).headers if more else ():
            each.setdefault(header.lenient.text("SOPInstanceUID"), header)
    return replace(at_hand, headers=tuple(each.values()))


def _beside(written: Files, series: str, needed: Collection[str]) -> Iterator[Gathered]:
    """Give every folder beside the input that holds a series."""
    root = Path(written if isinstance(written, str | Path) else next(iter(written)))
    folder = root if root.is_dir() else root.parent
    neighbours = (p for p in sorted(folder.resolve().parent.iterdir()) if p.is_dir() and p != folder.resolve())
    for neighbour in islice(neighbours, _NEIGHBOURS):
        if any(isinstance(h, Header) and _is_of(h.lenient, series, needed) for h in scan(_peeked(neighbour))):
            yield gather(neighbour)


def _peeked(folder: Path) -> Iterator[Origin]:
    """Give the first files of each folder below a folder."""
    seen: dict[Path, int] = {}
    for found in islice(find(folder), _NAMES):
        if isinstance(found, Origin) and found.path is not None:
            place = found.path.parent
            seen[place] = seen.get(place, 0) + 1
            if len(seen) > _FOLDERS:
                return
            if seen[place] <= _PEEKED:
                yield found


def _each_once(found: Gathered, series: str, needed: Collection[str]) -> Gathered:
    """Leave out the copies of images of a series, as far as the most complete folder has them."""
    uids = [h.lenient.text("SOPInstanceUID") for h in found.headers]
    own = [uid for uid, h in zip(uids, found.headers, strict=True) if _is_of(h.lenient, series, needed)]
    if len(set(own)) == len(own):
        return found
    places: dict[PurePath, dict[str, Header]] = {}
    others = []
    for uid, header in zip(uids, found.headers, strict=True):
        if _is_of(header.lenient, series, needed):
            places.setdefault(_place(header), {}).setdefault(uid, header)
        else:
            others.append(header)
    ranked = sorted(places.values(), key=lambda held: (-len(held.keys() & set(needed)), -len(held)))
    chosen = dict(ranked[0])
    for held in ranked[1:]:
        # What shares an image is a copy, and adds what is needed; what shares none is another part of the series.
        copy = not held.keys().isdisjoint(ranked[0])
        chosen |= {u: h for u, h in held.items() if u not in chosen and (not copy or u in needed)}
    return replace(found, headers=(*others, *chosen.values()))


def _place(header: Header) -> PurePath:
    """Return the folder of an image, or the archive and the folder in it."""
    path, name = header.path or Path(), PurePath(header.name)
    return path.parent if path.name == name.name else path / name.parent


def _missing(found: Gathered, needed: Collection[str]) -> int:
    return len(set(needed) - {i.text("SOPInstanceUID") for i in found.instances})


def _is_of(header: Header, series: str, needed: Collection[str]) -> bool:
    return header.text("SeriesInstanceUID") == series if series else header.text("SOPInstanceUID") in needed
