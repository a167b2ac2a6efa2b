"""What a service said of each instance that it was sent (PS3.18 10.5.3 and I.2)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from derive.pacs.outcome import Category
from derive.pacs.web.faults import WebFault, status_words

_REFERENCED, _FAILED, _OTHERS = "00081199", "00081198", "0008119A"
_INSTANCE, _WARNING, _FAILURE = "00081155", "00081196", "00081197"
#: An instance is stored only by an answer of these, and only if it is named in it.
_STORING = (200, 202, 204)
#: Some archives say so of all instances, some of a part: by itself it tells nothing of one.
_CONFLICT = 409
#: Reasons that pass: out of resources (A7xx), resource limitation (PS3.7 C.5.24).
_OUT_OF_RESOURCES, _LIMITED = 0xA7, 0x0213
#: Of the reasons that services give (PS3.18 Tables I.2-1 and I.2-2, PS3.7 C), and of the families of reasons.
_REASONS = {
    0x0110: "processing failure",
    0x0111: "duplicate SOP Instance",
    0x0122: "SOP Class not supported",
    0x0124: "not authorised",
    0x0213: "resource limitation",
    0xB000: "coercion of data elements",
    0xB006: "elements discarded",
    0xB007: "data set does not match SOP Class",
    0xC122: "transfer syntax not supported",
}
_FAMILIES = {0xA7: "out of resources", 0xA9: "data set does not match SOP Class"}


@dataclass(frozen=True)
class StoreOutcome:
    """What was said of one instance.

    Parameters
    ----------
    category : Category
    status : int, optional
        Failure Reason or Warning Reason, else the HTTP status; None without an answer.
    comment : str
    again : bool
        Whether to send it again makes sense.
    """

    category: Category
    status: int | None = None
    comment: str = ""
    again: bool = False


@dataclass(frozen=True)
class _Said:
    """The body of an answer: reasons by SOP Instance UID."""

    readable: bool
    stored: Mapping[str, int | None] = field(default_factory=dict)
    failed: Mapping[str, int | None] = field(default_factory=dict)
    others: tuple[int | None, ...] = ()


def of_fault(fault: WebFault, uids: Iterable[str], *, doubt: bool) -> dict[str, StoreOutcome]:
    """Say of each instance that there was no answer; with doubt, as what was sent may be stored or not."""
    words = f"{fault.error.message}{'; whether it is stored is not known' if doubt else ''}"
    answer = StoreOutcome(Category.UNSENT, None, words, fault.passing)
    return dict.fromkeys(uids, answer)


def of_response(status: int, reason: str | None, body: bytes, uids: Iterable[str]) -> dict[str, StoreOutcome]:
    """Say of each instance what the service said of it.

    Parameters
    ----------
    status : int
    reason : str, optional
        The reason phrase.
    body : bytes
        DICOM JSON (PS3.18 F), a data set or an array with one. Anything else says nothing.
    uids : iterable of str
        SOP Instance UIDs that were sent.
    """
    said = _read(body)
    whole = _of_all(status, status_words(status, reason), said)
    return {uid: _of_one(uid, status, said, whole) for uid in uids}


def _of_one(uid: str, status: int, said: _Said, whole: StoreOutcome) -> StoreOutcome:
    if uid in said.failed:
        code = said.failed[uid]
        if code is not None and (code >> 8 == _OUT_OF_RESOURCES or code == _LIMITED):
            return StoreOutcome(Category.TRANSIENT, code, _words(code), again=True)
        return StoreOutcome(Category.REFUSED, code, _words(code))
    if uid not in said.stored:
        return whole
    if status not in _STORING:
        doubt = f"named as stored by an answer of status {status}; whether it is stored is not known"
        return StoreOutcome(Category.UNSENT, status, doubt, again=True)
    code = said.stored[uid]
    return StoreOutcome(Category.WARNING, code, _words(code)) if code else StoreOutcome(Category.STORED, status)


def _of_all(status: int, words: str, said: _Said) -> StoreOutcome:
    """What holds for an instance that the body does not name."""
    if status == 429 or status >= 500:
        return StoreOutcome(Category.TRANSIENT, status, words, again=True)
    if status >= 400 and not (said.readable or status == _CONFLICT):
        return StoreOutcome(Category.REFUSED, status, words)
    if not said.readable:
        doubt = f"{words}: the answer is no DICOM JSON; whether it is stored is not known"
        return StoreOutcome(Category.UNSENT, status, doubt)
    others = f"; {len(said.others)} failed that are not named, {_words(said.others[0])}" if said.others else ""
    return StoreOutcome(Category.UNSENT, status, f"{words}: the answer does not name it{others}")


def _read(body: bytes) -> _Said:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return _Said(readable=False)
    datasets = [d for d in (found if isinstance(found, list) else [found]) if isinstance(d, dict)]
    datasets = [d for d in datasets if d.keys() & {_REFERENCED, _FAILED, _OTHERS}]
    return _Said(
        bool(datasets),
        _reasons(datasets, _REFERENCED, _WARNING),
        _reasons(datasets, _FAILED, _FAILURE),
        tuple(_number(item, _FAILURE) for item in _items(datasets, _OTHERS)),
    )


def _reasons(datasets: list[dict[str, Any]], sequence: str, tag: str) -> dict[str, int | None]:
    return {str(_value(i, _INSTANCE)).strip(" \0"): _number(i, tag) for i in _items(datasets, sequence)}


def _items(datasets: list[dict[str, Any]], sequence: str) -> Iterator[dict[str, Any]]:
    for dataset in datasets:
        for item in _values(dataset, sequence):
            if isinstance(item, dict):
                yield item


def _values(dataset: Mapping[str, Any], tag: str) -> list[Any]:
    element = dataset.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _value(dataset: Mapping[str, Any], tag: str) -> Any:
    values = _values(dataset, tag)
    return values[0] if values else None


def _number(dataset: Mapping[str, Any], tag: str) -> int | None:
    """A reason; a service that writes numbers as text is understood too."""
    value = _value(dataset, tag)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _words(code: int | None) -> str:
    if code is None:
        return "no reason given"
    if code >> 12 == 0xC and code not in _REASONS:
        return "cannot understand"
    return _REASONS.get(code) or _FAMILIES.get(code >> 8, f"reason 0x{code:04X}")
