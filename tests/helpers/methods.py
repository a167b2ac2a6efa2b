"""A method asked for one value, as the engine asks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pydicom.charset import default_encoding

from derive.deidentification.engine.here import Here
from derive.deidentification.methods import METHODS
from derive.deidentification.profile.profile import Profile
from derive.deidentification.run.run import Run, run_of
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode
from derive.elements.instance import Instance
from derive.rewriting.stored import AttributePath

KEY = "a key of tests, long enough"
OTHER_KEY = "another key of tests, long enough"


def instance_of(**values: object) -> Instance:
    """What an instance said of itself."""
    elements = [encode(keyword, value) for keyword, value in ({"PatientID": "MRN1"} | values).items()]
    return Instance("an instance", {e.tag: e for e in elements}, strict=False)


@cache
def run_with(key: str = KEY) -> Run:
    return run_of(Profile(), key)


def element_of(keyword: str, vr: str, value: bytes | str) -> Element:
    value = value.encode() if isinstance(value, str) else value
    return Element(tag_of(keyword), vr, value + (b"\0" if vr in ("UI", "OB", "UN") else b" ") * (len(value) % 2))


def changed(name: str, element: Element, **said: object) -> Element | None:
    """What a method makes of an element; of what it is told, all but these is plain: settings, instance, type, run."""
    settings = said.pop("settings", {})
    assert isinstance(settings, Mapping)
    told = {"instance": instance_of(), "encodings": (default_encoding,), "type": "3", "run": run_with()} | said
    here = Here(AttributePath(element.tag, element.vr), settings=settings, **told)  # type: ignore[arg-type] # as given
    return METHODS[name].change(element, here)


def value_of(name: str, keyword: str, vr: str, value: bytes | str, **said: object) -> str | None:
    """The new value as text without padding; None where the attribute goes."""
    element = changed(name, element_of(keyword, vr, value), **said)
    return None if element is None else element.value.decode("latin-1").rstrip(" \0")
