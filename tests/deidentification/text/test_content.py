"""Content items one by one: each row of Table E.3.4-1, what the table does not name, and a tree that stays one."""

from __future__ import annotations

import io

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from derive.deidentification.engine.engine import Deidentifier
from derive.deidentification.profile.profile import Profile, options
from derive.deidentification.run.run import run_of
from derive.deidentification.text.content import CONTENT_SEQUENCES, VALUES, item_action
from derive.elements.element import tag_of
from derive.elements.instance import Instance
from derive.rewriting.file import stored_file
from derive.rewriting.stored import AttributePath
from derive.standard import content_rows
from tests.helpers.asserting import each
from tests.helpers.instances import code, item, uid
from tests.helpers.methods import KEY
from tests.helpers.texts import patient, read, written

CONTENT = AttributePath(tag_of("ContentSequence"), "SQ")
REFERENCES = ("IMAGE", "COMPOSITE", "WAVEFORM", "UIDREF")
DATES = ("DATE", "TIME", "DATETIME")
COLUMNS = {row.column: name for name, row in options().items() if row.column}


def concept(value: str, scheme: str, value_type: str, **more: object) -> Dataset:
    return item(ValueType=value_type, ConceptNameCodeSequence=[code(value, scheme, "a concept")], **more)


def ruled(dataset: Dataset, *names: str, holder: Dataset | None = None, path: AttributePath = CONTENT):
    alone = read(patient(ContentSequence=[dataset]))
    instance = alone if holder is None else read(holder)
    first = alone.items("ContentSequence")[0]
    return item_action(path, first, instance, Profile().with_options(["structured-content", *names]))


@pytest.mark.parametrize("row", content_rows(), ids=lambda row: f"{row.scheme}-{row.code}-{row.value_type}")
def test_each_row_of_the_table_is_followed_without_an_option_and_with_each(row):
    instance = read(patient(ContentSequence=[concept(row.code, row.scheme, row.value_type)]))
    first = instance.items("ContentSequence")[0]

    def action(*names: str) -> str:
        return item_action(CONTENT, first, instance, Profile().with_options(["structured-content", *names])).action

    basic = action()
    wanted = "D" if "D" in row.basic else row.basic
    assert basic == ("U" if wanted == "D" and row.value_type in REFERENCES else wanted)
    for column, name in COLUMNS.items():
        if name != "structured-content":
            assert action(name) == row.actions.get(column, basic), name
    assert len(row.actions) <= 3


@pytest.mark.parametrize(
    ("value_type", "names", "action", "method"),
    [
        ("PNAME", (), "D", "replace"),
        ("TEXT", (), "C", "cleanDescriptors"),
        ("", (), "C", "cleanDescriptors"),
        *((kind, (), "D", "replace") for kind in DATES),
        *((kind, ("full-dates",), "K", "keep") for kind in DATES),
        *((kind, ("modified-dates",), "C", "dateShift") for kind in DATES),
        *((kind, (), "U", "refreshUID") for kind in REFERENCES),
        *((kind, ("uids",), "K", "keep") for kind in REFERENCES[:3]),
        ("UIDREF", ("uids",), "U", "refreshUID"),
        *((kind, (), "K", "keep") for kind in ("NUM", "CODE", "CONTAINER", "SCOORD", "SCOORD3D", "TCOORD")),
    ],
)
def test_what_the_table_does_not_name_is_decided_by_what_its_value_type_can_tell(value_type, names, action, method):
    ruling = ruled(concept("1234", "99X", value_type), *names)
    assert (ruling.action, ruling.method) == (action, method)
    assert "E.3.4-1" in ruling.why


def test_a_concept_is_followed_however_it_is_said_but_a_code_says_only_what_it_is():
    observer = ("121008", "DCM")
    assert ruled(concept(*observer, "TEXT")).action == "D"
    assert ruled(concept("121071", "DCM", "TEXT")).action == "D"
    assert ruled(concept("121071", "DCM", "CODE")).action == "K"
    assert ruled(concept("121032", "DCM", "CODE")).action == "X"


@pytest.mark.parametrize("keyword", ["AcquisitionContextSequence", "SpecimenPreparationStepContentItemSequence",
                                     "WaveformAnnotationSequence", "ContentItemModifierSequence"])  # fmt: skip
def test_items_outside_of_reports_are_content_items_too(keyword):
    path = AttributePath(tag_of(keyword), "SQ")
    assert path.tag in CONTENT_SEQUENCES
    assert ruled(concept("121022", "DCM", "TEXT"), path=path).action == "X"


def test_without_the_option_and_in_other_sequences_nobody_is_asked():
    found = read(patient(ContentSequence=[concept("121022", "DCM", "TEXT")]))
    first = found.items("ContentSequence")[0]
    assert item_action(CONTENT, first, found, Profile()) is None
    other = AttributePath(tag_of("ReferencedSOPSequence"), "SQ")
    assert item_action(other, first, found, Profile().with_options(["structured-content"])) is None
    assert isinstance(first, Instance)


def test_where_items_refer_to_positions_none_is_taken_out():
    removed = concept("121022", "DCM", "TEXT", TextValue="ACC4711")
    referring = item(RelationshipType="INFERRED FROM", ReferencedContentItemIdentifier=[1, 2])
    holder = patient(ContentSequence=[removed, concept("1", "99X", "NUM", ContentSequence=[referring])])
    assert ruled(removed, holder=holder).action == "D"
    assert ruled(concept("121106", "DCM", "IMAGE"), holder=holder).action == "U"
    assert ruled(concept("121000", "DCM", "CONTAINER"), holder=holder).action == "K"
    context = AttributePath(tag_of("AcquisitionContextSequence"), "SQ")
    assert ruled(removed, holder=holder, path=context).action == "X"


def report(*items: Dataset) -> Dataset:
    return patient(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33",
        Modality="SR",
        ValueType="CONTAINER",
        ConceptNameCodeSequence=[code("126000", "DCM", "Imaging Measurement Report")],
        ContinuityOfContent="SEPARATE",
        ContentSequence=[*items],
    )


def gone_through(dataset: Dataset, *names: str) -> Dataset:
    profile = Profile().with_options(["structured-content", *names])
    stored = stored_file("file", lambda: io.BytesIO(written(dataset)))
    done = Deidentifier(profile, run_of(profile, KEY)).file(stored)
    return dcmread(io.BytesIO(b"".join(bytes(part) for part in done.parts if isinstance(part, bytes))))


def test_a_report_that_went_through_is_a_tree_that_names_nobody():
    reference = item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID=uid("image"))
    measured = item(NumericValue="20", MeasurementUnitsCodeSequence=[code("mm", "UCUM", "mm")])
    inside = [
        concept("1", "99X", "TEXT", RelationshipType="CONTAINS", TextValue="Mass of Yamada, 20 mm, seen 19.01.2024"),
        concept("2", "99X", "NUM", RelationshipType="CONTAINS", MeasuredValueSequence=[measured]),
        concept("3", "99X", "IMAGE", RelationshipType="CONTAINS", ReferencedSOPSequence=[reference]),
    ]
    container = concept("121070", "DCM", "CONTAINER", ContinuityOfContent="SEPARATE", ContentSequence=inside)
    observer = concept("121008", "DCM", "PNAME", RelationshipType="HAS OBS CONTEXT", PersonName="Watson^John")
    accession = concept("121022", "DCM", "TEXT", RelationshipType="HAS OBS CONTEXT", TextValue="ACC4711")
    alone = concept("5", "99X", "CONTAINER", ContinuityOfContent="SEPARATE", ContentSequence=[accession])
    done = gone_through(report(observer, accession, container, alone))
    kinds = [each.ValueType for each in done.ContentSequence]
    assert kinds == ["PNAME", "CONTAINER", "CONTAINER"]
    assert done.ContentSequence[0].PersonName not in ("", "Watson^John")
    text, number, image = done.ContentSequence[1].ContentSequence
    assert text.TextValue == "Mass of 20 mm, seen"
    assert number.MeasuredValueSequence[0].NumericValue == 20
    assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID.startswith("2.25.")
    assert "ContentSequence" not in done.ContentSequence[2]
    assert {item_code.CodeValue for item_code in done.DeidentificationMethodCodeSequence} == {"113100", "113104"}


def test_acquisition_contexts_specimens_and_waveforms_are_cleaned_item_by_item():
    removed = concept("121041", "DCM", "TEXT", TextValue="S-4711")
    kept = concept("1", "99X", "NUM", NumericValue="20", MeasurementUnitsCodeSequence=[code("mm", "UCUM", "mm")])
    step = item(SpecimenPreparationStepContentItemSequence=[removed, kept])
    note = item(ConceptNameCodeSequence=[code("1", "99X", "a note")], UnformattedTextValue="sinus rhythm, Yamada")
    dataset = patient(
        AcquisitionContextSequence=[removed, kept],
        SpecimenDescriptionSequence=[item(SpecimenIdentifier="S-4711", SpecimenPreparationSequence=[step])],
        WaveformAnnotationSequence=[note],
    )
    done = gone_through(dataset)
    assert [one.ValueType for one in done.AcquisitionContextSequence] == ["NUM"]
    preparation = done.SpecimenDescriptionSequence[0].SpecimenPreparationSequence[0]
    assert [one.NumericValue for one in preparation.SpecimenPreparationStepContentItemSequence] == [20]
    assert done.WaveformAnnotationSequence[0].UnformattedTextValue == "sinus rhythm"
    assert "S-4711" not in str(done)


def test_values_are_attributes_of_items():
    assert len(each(VALUES, 10)) == 11
