"""The parser of usual files reads what pydicom reads, or leaves the file to it."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ImplicitVRLittleEndian

from derive.elements.datasets import from_dataset, private_of
from derive.elements.encoding import decode, numbers_of, text_of
from derive.elements.memory import Memory
from derive.elements.parse import Deflated, items_parsed, parse
from derive.elements.private import with_safe
from derive.elements.spans import StandsTwice, Unusual
from derive.elements.start import start_of
from derive.reading.files import Origin
from derive.reading.header import Header, Reader
from tests.conftest import DATA
from tests.helpers.asserting import each, every
from tests.helpers.sources import make_series

FOLDERS = sorted(p.name for p in DATA.iterdir() if p.is_dir()) if DATA.is_dir() else []
ORIGIN = Origin("x", None, io.BytesIO)


def by_pydicom(dataset):
    """Elements and tags as the reader takes them of a data set of pydicom, the safe private ones among them."""
    elements = from_dataset(dataset)
    tags = frozenset(int(t) for t in dataset.keys() if t.group < 0x7FE0)  # noqa: SIM118 - iterating decodes
    return elements, with_safe(elements, tags, private_of(dataset))


def usual(content):
    try:
        return parse(io.BytesIO(content), Memory())
    except (Unusual, Deflated, StandsTwice):
        return None


def both(content):
    """The header as each of them reads it."""
    start = start_of(content)
    with warnings.catch_warnings(action="ignore"):
        theirs = Reader()._by_pydicom(io.BytesIO(content), start.at, start, ORIGIN, ORIGIN.open)
    ours = Reader()._parsed(io.BytesIO(content), ORIGIN)
    return plainly(ours), plainly(theirs)


def plainly(header):
    """What both say, but for what was odd."""
    return replace(header, remarks=()) if isinstance(header, Header) else header


@pytest.mark.parametrize("folder", FOLDERS)
def test_real_files_are_read_as_pydicom_reads_them(real, folder):
    for path in each(sorted(p for p in real(folder).rglob("*") if p.is_file())):
        content = path.read_bytes()
        found = usual(content) if content[128:132] == b"DICM" else None
        if found is None:
            continue
        with warnings.catch_warnings(action="ignore"):
            dataset = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
            elements, tags = by_pydicom(dataset)
        assert (found.elements, found.tags) == (elements, tags), path.name
        assert found.transfer_syntax == dataset.file_meta.get("TransferSyntaxUID", found.transfer_syntax)
        ours, theirs = both(content)
        assert ours == theirs, path.name


def test_most_real_files_are_usual(real):
    contents = [p.read_bytes() for p in real("ct_philips_ingenuity_140").iterdir()]
    contents += [p.read_bytes() for p in real("mr_ge_axial_20").rglob("*.dcm")]
    assert every(usual(c) is not None for c in contents)


def nested(depth):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "99X", "odd"
    item.add_new(0x00091001, "LO", "private")
    if depth:
        item.ConceptNameCodeSequence = Sequence([nested(depth - 1), Dataset()])
        item["ConceptNameCodeSequence"].is_undefined_length = depth % 2 == 1
    item.is_undefined_length_sequence_item = depth % 2 == 0
    return item


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("undefined", [False, True])
def test_sequences_of_any_length_and_depth(implicit, undefined):
    dataset = make_series("CT", 1)[0]
    dataset.AnatomicRegionSequence = Sequence([nested(3), nested(2)])
    dataset["AnatomicRegionSequence"].is_undefined_length = undefined
    dataset.ProcedureCodeSequence = Sequence([])
    dataset.PixelPaddingValue = 7
    buffer = io.BytesIO()
    if implicit:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.save_as(buffer, enforce_file_format=True, implicit_vr=implicit, little_endian=True)
    ours, theirs = both(buffer.getvalue())
    assert isinstance(ours, Header)
    assert ours == theirs
    value = ours.elements[0x00082218].value
    assert [len(i) for i in items_parsed(value)] == [4, 4]


def test_a_header_longer_than_what_is_read_at_first():
    dataset = make_series("CT", 1)[0]
    dataset.ImageComments = "x" * 10000
    dataset.TextComments = "y" * 200_000
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    ours, theirs = both(buffer.getvalue())
    assert ours == theirs


def test_whatever_a_damaged_file_is_read_as_pydicom_reads_it_so():
    """A flipped byte makes an unusual file, or one that both read alike."""
    dataset = make_series("MR", 1)[0]
    dataset.AnatomicRegionSequence = Sequence([nested(1)])
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    content, random = bytearray(buffer.getvalue()), np.random.default_rng(3)
    end = len(content) - len(dataset.PixelData) - 12
    compared = 0
    for _ in range(1500):
        damaged = bytearray(content)
        damaged[random.integers(132, end)] = random.integers(256)
        found = usual(bytes(damaged))
        if found is None or found.notes:  # what is odd is said, and read otherwise than pydicom does
            continue
        with warnings.catch_warnings(action="ignore"):
            try:
                expected = pydicom.dcmread(io.BytesIO(damaged), stop_before_pixels=True)
                elements, _ = by_pydicom(expected)
            except Exception:  # what pydicom cannot encode again, nobody compares
                continue
        assert found.elements == elements
        compared += 1
    assert compared > 500


@pytest.mark.parametrize("folder", ["ct_philips_ingenuity_140", "mr_siemens_multiecho", "petctmr_ibsi_sts002"])
def test_numbers_and_text_are_those_that_pydicom_decodes(real, folder):
    path = next(p for p in sorted(real(folder).rglob("*")) if p.is_file())
    found = parse(io.BytesIO(path.read_bytes()), Memory())
    for element in each(found.elements.values()):
        if element.vr == "SQ":
            continue
        value = decode(element)
        assert text_of(element) == ("" if value is None else str(value).strip()), element.keyword
        if element.vr in ("DS", "IS", "US", "SS", "UL", "FL", "FD") and value is not None:
            many = [value] if isinstance(value, int | float) else list(value)
            assert numbers_of(element) == [float(v) for v in many], element.keyword
