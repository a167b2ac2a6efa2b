"""Configurations of Google's Healthcare API (``DeidentifyConfig``): attributes, text in them, and text in pictures."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from pydicom.datadict import dictionary_VR

from derive.deidentification.configs.config import Configuration
from derive.deidentification.configs.google_tags import tag_profile
from derive.deidentification.configs.rules import address_of
from derive.deidentification.configs.tables import known_keys, said_of, table_of, tables_of, texts_of
from derive.deidentification.pixels.plan import PixelPlan
from derive.deidentification.profile.bases import required_by_google
from derive.deidentification.profile.profile import Profile, Transformation, profile_of
from derive.deidentification.profile.rule import Address
from derive.deidentification.text.transforming import known_info_types
from derive.elements.element import keyword_of
from derive.errors import UsageError
from derive.rewriting.stored import AttributePath
from derive.told.wording import did_you_mean, flag

#: Keys of which each tells that a file is one of theirs.
TELLING = ("config", "dicom", "dicomTagConfig", "image", "text")
#: What a request to Google's service says of where things are, and what is about other things than images.
_AROUND = ("destinationDataset", "destinationStore", "filterConfig", "gcsConfigUri")
_BESIDE = ("fhir", "useRegionalDataProcessing")
_FILTERS = ("filterProfile", "keepList", "removeList")
#: What each mode of redaction of text in pictures is in a plan: how text is looked for, and which counts.
_MODES = {
    "TEXT_REDACTION_MODE_UNSPECIFIED": ("", "all"),
    "REDACT_ALL_TEXT": ("blank", "all"),
    "REDACT_SENSITIVE_TEXT": ("blank", "sensitive"),
    "REDACT_SENSITIVE_TEXT_CLEAN_DESCRIPTORS": ("blank", "sensitive"),
    "REDACT_NO_TEXT": ("off", "all"),
}
#: The primitive transformations, and what each may say; a key that only Google's service can open is refused.
_TRANSFORMATIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "redactConfig": ("redact", ()),
    "characterMaskConfig": ("characterMask", ("maskingCharacter",)),
    "dateShiftConfig": ("dateShift", ("cryptoKey", "kmsWrapped")),
    "cryptoHashConfig": ("cryptoHash", ("cryptoKey", "kmsWrapped")),
    "replaceWithInfoTypeConfig": ("replaceWithInfoType", ()),
}


def read_google(said: Mapping[str, Any], name: str) -> Configuration:
    """Read a configuration.

    Raises
    ------
    UsageError
        ``DEID-CONFIG``, ``DEID-ADDRESS``, ``DEID-LIST``, ``DEID-PROFILE``, ``DEID-SETTING``, ``DEID-KEY``.
    """
    notes = [f"{name}: {key} is not followed" for key in (*_AROUND, *_BESIDE) if key in said]
    if "config" in said:
        known_keys(said, ("config", *_AROUND), name)
        said = table_of(said, "config", name)
        notes += [f"{name}: {key} is not followed" for key in _BESIDE if key in said]
    known_keys(said, ("dicom", "dicomTagConfig", "image", "text", *_BESIDE), name)
    if {"dicom", "dicomTagConfig"} <= {*said}:
        raise UsageError("DEID-CONFIG", f"{name} says dicom and dicomTagConfig, and one of them is wanted")
    keys, transformations = _transformations(table_of(said, "text", name), f"{name}, text")
    image, place = table_of(said, "image", name), f"{name}, image"
    if "dicomTagConfig" in said:
        newer = table_of(said, "dicomTagConfig", name)
        profile = tag_profile(newer, transformations, f"{name}, dicomTagConfig")
        image = image or table_of(table_of(newer, "options", name), "cleanImage", name)
    else:
        profile = _profile(table_of(said, "dicom", name), transformations, f"{name}, dicom")
        if transformations and profile.base != "tag-contents":
            notes += [f"{name}: transformations of text are for DEIDENTIFY_TAG_CONTENTS alone, and were not asked for"]
    return Configuration(profile, pixels=_pixels(image, place), key=_one(keys), notes=tuple(notes))


def _profile(dicom: Mapping[str, Any], transformations: tuple[Transformation, ...], place: str) -> Profile:
    known_keys(dicom, (*_FILTERS, "skipIdRedaction"), place)
    filters = [key for key in _FILTERS if key in dicom]
    if len(filters) > 1:
        raise UsageError("DEID-CONFIG", f"{place} says {' and '.join(filters)}, and one of them is wanted")
    options = ("uids",) if said_of(dicom, "skipIdRedaction", bool, place, False) else ()
    if "keepList" in dicom:
        return Profile("keep-list", options, tags=_tags(dicom, "keepList", place))
    if "removeList" in dicom:
        tags = _tags(dicom, "removeList", place)
        _refuse_required(tags, place)
        return Profile("remove-list", options, tags=tags)
    named = profile_of(said_of(dicom, "filterProfile", str, place, "TAG_FILTER_PROFILE_UNSPECIFIED"))
    found = transformations if named.base == "tag-contents" else ()
    return Profile(named.base, options, transformations=found)


def _tags(dicom: Mapping[str, Any], key: str, place: str) -> tuple[Address, ...]:
    listed = table_of(dicom, key, place)
    known_keys(listed, ("tags",), f"{place}.{key}")
    return tuple(address_of(text, f"{place}.{key}") for text in texts_of(listed, "tags", f"{place}.{key}"))


def _refuse_required(tags: tuple[Address, ...], place: str) -> None:
    for tag in sorted(required_by_google()):
        if any(address.matches(AttributePath(tag, vr)) for address in tags for vr in dictionary_VR(tag).split(" or ")):
            raise UsageError(
                "DEID-LIST", f"{place}: {keyword_of(tag)} is in every keep list, and cannot be in a remove list"
            )


def _pixels(image: Mapping[str, Any], place: str) -> PixelPlan:
    known_keys(image, ("textRedactionMode",), place)
    mode = said_of(image, "textRedactionMode", str, place, "TEXT_REDACTION_MODE_UNSPECIFIED")
    if mode not in _MODES:
        near = did_you_mean(mode, _MODES)
        raise UsageError("DEID-SETTING", f"{place}: there is no mode {mode!r}{near}; there are {', '.join(_MODES)}")
    ocr, ocr_text = _MODES[mode]
    return PixelPlan(ocr=ocr, ocr_text=ocr_text)


def _transformations(text: Mapping[str, Any], place: str) -> tuple[set[bytes], tuple[Transformation, ...]]:
    known_keys(text, ("transformations", "additionalTransformations"), place)
    keys: set[bytes] = set()
    found = []
    for listed in ("transformations", "additionalTransformations"):
        for number, table in enumerate(tables_of(text, listed, place), 1):
            found.append(_transformation(table, f"{place}.{listed} {number}", keys))
    return keys, tuple(found)


def _transformation(table: Mapping[str, Any], place: str, keys: set[bytes]) -> Transformation:
    known_keys(table, ("infoTypes", *_TRANSFORMATIONS), place)
    named = [key for key in _TRANSFORMATIONS if key in table]
    if len(named) != 1:
        raise UsageError("DEID-CONFIG", f"{place} wants one of {', '.join(_TRANSFORMATIONS)}")
    method, known = _TRANSFORMATIONS[named[0]]
    settings = table_of(table, named[0], place)
    known_keys(settings, known, f"{place}.{named[0]}")
    if "kmsWrapped" in settings:
        told = (
            f"{place}: a key that Google's service has wrapped cannot be opened here; wanted {flag('key_env', 'NAME')}"
        )
        raise UsageError("DEID-KEY", told)
    if key := said_of(settings, "cryptoKey", str, place, ""):
        keys.add(_key(key, place))
    types = texts_of(table, "infoTypes", place)
    for info_type in types:
        if info_type not in known_info_types():
            near = did_you_mean(info_type, known_info_types())
            raise UsageError(
                "DEID-SETTING",
                f"{place}: there is no infoType {info_type!r}{near}; there are {', '.join(known_info_types())}",
            )
    mask = {"masking_character": settings["maskingCharacter"]} if "maskingCharacter" in settings else {}
    return Transformation(method, types, mask)


def _key(text: str, place: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("DEID-KEY", f"{place}: cryptoKey is a key in Base64") from None


def _one(keys: set[bytes]) -> bytes | None:
    if len(keys) > 1:
        raise UsageError("DEID-KEY", f"{len(keys)} different keys are given, and a run has one")
    return next(iter(keys), None)
