"""Mutations of valid multi-frame images: what the check, dciodvfy and dcentvfy say of each, as the table has it."""

from __future__ import annotations

import pytest

from derive.checking.finding import CheckReport, strictly
from tests.helpers.asserting import each
from tests.helpers.mutations import (
    FRAMES,
    Mutation,
    asked,
    found_by_check,
    in_words,
    mutations,
    severity_of,
    write_mutated,
)

TABLE = mutations(FRAMES)
FORMS = [f"{form} {modality}" for form in ("enhanced", "legacy") for modality in ("CT", "MR", "PT")]
_TIMING = "drop SharedFunctionalGroupsSequence>MRTimingAndRelatedParametersSequence>"
#: Errors of a validator that are none, by how the change begins.
ALLOWED = {
    _TIMING: "asked of systems that can calculate it (C.8.13.5.2), which no data set says",
    "drop SharedFunctionalGroupsSequence>FrameAnatomySequence": "asked of converted images whose originals have the "
    "anatomy (A.70.3), which no data set says",
    "drop PerFrameFunctionalGroupsSequence[*]>UnassignedPerFrame": "of type 1C: absent where nothing is unassigned",
    r"ImageType = DERIVED\PRIMARY\VOLUME\RESAMPLED": "MR Pulse Sequence may be present in derived images (C.8.13.4)",
}

#: Errors of a validator that are warnings even for a derived file.
LENIENT = {
    "warning CHK-TERM": "the standard lets other terms be defined, and dciodvfy does not",
    "warning CHK-DIRECTION": "scanners say 0 where there is no direction, and it is pulled as it is",
}


def of(form: str) -> list[Mutation]:
    return each([m for m in TABLE if m.modality == form], 10)


def allowed(mutation: Mutation) -> bool:
    return any(mutation.change.startswith(start) for start in ALLOWED)


@pytest.mark.parametrize("form", FORMS)
def test_the_check_says_what_the_table_of_frames_has(form, tmp_path):
    """Also strictly: what a validator calls an error is one."""
    wrong = []
    for number, mutation in enumerate(of(form)):
        folder = tmp_path / str(number)
        write_mutated(folder, mutation)
        report = CheckReport(found_by_check(folder), 1, 1)
        if in_words(report.findings) != mutation.check:
            wrong.append((mutation.change, in_words(report.findings), mutation.check))
        error = "error" in (mutation.dciodvfy, mutation.dcentvfy)
        lenient = mutation.check in LENIENT
        if error and strictly(report).ok() and not allowed(mutation) and not lenient:
            wrong.append((mutation.change, "no error, strictly", mutation.check))
    assert wrong == []


@pytest.mark.parametrize("form", FORMS)
def test_the_validators_say_what_the_table_of_frames_has(form, tmp_path):
    wanted = of(form)
    said = [(severity_of(set(s.dciodvfy)), severity_of(set(s.dcentvfy))) for s in asked(tmp_path, wanted)]
    differ = [(m.change, s) for m, s in zip(wanted, said, strict=True) if s != (m.dciodvfy, m.dcentvfy)]
    assert differ == []


def test_no_error_of_a_validator_about_frames_is_passed_over_in_silence():
    errors = each([m for m in TABLE if "error" in (m.dciodvfy, m.dcentvfy)], 250)
    silent = [m.change for m in errors if not m.check]
    assert [change for change in silent if not any(change.startswith(start) for start in ALLOWED)] == []
    assert all(any(change.startswith(start) for change in silent) for start in ALLOWED)
