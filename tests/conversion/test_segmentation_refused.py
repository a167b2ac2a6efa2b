"""What makes no Segmentation: labels without codes, of nothing, elsewhere; each refused by name."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

import derive
from derive.cli.main import main
from derive.errors import DeriveError
from tests.conversion.test_segmentation import BONE, LIVER, MANUAL, SHAPE, labels
from tests.helpers.asserting import raises_code
from tests.helpers.convert_files import affine_of, nifti, read_reference, saved

FRACTIONAL = {"segmentation_type": "fractional", "fractional_type": "occupancy"}
REFUSED = {
    "no codes": ("SEG-CODES", {"label": [LIVER]}),
    "no label": ("SEG-LABEL", {"label": ["Liver"]}),
    "unknown name": ("SEG-LABEL", {"label": [LIVER, "2=thing"]}),
    "no category": ("SEG-CATEGORY", {"label": [LIVER, "2=Bone,SCT,272673000,Bone"]}),
    "long value": ("SEG-LABEL", {"label": ["1=Liver,SCT,12345678901234567,Liver"]}),
    "number 0": ("SEG-LABEL", {"label": ["0=Liver,SCT,10200004,Liver"]}),
    "no way": ("SEG-ALGORITHM", {"algorithm_type": None}),
    "no name": ("SEG-ALGORITHM", {"algorithm_type": "automatic"}),
    "no such way": ("OPT-SEG", {"algorithm_type": "magic"}),
    "no such type": ("OPT-SEG", {"segmentation_type": "surface"}),
    "fractions of what": ("OPT-SEG", {"segmentation_type": "fractional"}),
    "no fractions": ("OPT-SEG", {"fractional_type": "probability"}),
    "a volume": ("OPT-SEG", {"kind": "volume"}),
}
VALUES = {
    "between": ("SEG-VALUES", labels() * 0.5, {}),
    "below 0": ("SEG-VALUES", labels().astype(np.int16) - 1, {}),
    "too large": ("SEG-VALUES", labels().astype(np.int32) * 70000, {}),
    "above 1": ("SEG-VALUES", labels().astype(np.float32), FRACTIONAL),
    "nothing": ("VAL-EMPTY", np.zeros(SHAPE, np.uint8), {}),
    "labels as masks": ("SEG-VALUES", np.stack([labels(), labels()]), {}),
    "overlap": ("SEG-OVERLAP", np.ones((2, *SHAPE), np.uint8), {"segmentation_type": "labelmap"}),
}


@pytest.fixture(scope="module")
def ct():
    return read_reference()


def code_of(source, ct, **said) -> str:
    with pytest.raises(DeriveError) as caught:
        derive.convert(source, reference=ct, orientation="reference", **{**MANUAL, **said})
    return caught.value.code


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_said_is_refused(name, ct):
    code, said = REFUSED[name]
    assert code_of(labels(), ct, **said) == code


@pytest.mark.parametrize("name", VALUES)
def test_what_a_file_holds_is_refused(name, ct):
    code, values, said = VALUES[name]
    assert code_of(values, ct, **said) == code


def test_numbers_without_codes_are_named(ct):
    with raises_code("SEG-CODES") as caught:
        derive.convert(labels(), reference=ct, orientation="reference", **{**MANUAL, "label": [BONE]})
    assert caught.value.facts == {"numbers": [1]}
    assert 'label="1=LABEL,SCHEME,VALUE,MEANING"' in str(caught.value)


def test_labels_that_lie_elsewhere_are_refused(ct, tmp_path):
    affine = affine_of(ct).copy()
    affine[:3, 3] += 500.0
    path = nifti(tmp_path / "far.nii.gz", labels(), affine)
    with pytest.raises(DeriveError) as caught:
        derive.convert(path, reference=ct, **MANUAL)
    assert caught.value.code == "GEO-OVERLAP"


def test_masks_on_different_grids_are_refused(ct, tmp_path):
    one = nifti(tmp_path / "a.nii.gz", (labels() > 0).astype(np.uint8), affine_of(ct))
    other = nifti(tmp_path / "b.nii.gz", labels()[:, :-1], affine_of(ct))
    with pytest.raises(DeriveError) as caught:
        derive.convert([one, other], reference=ct, **MANUAL)
    assert caught.value.code == "GEO-SHAPE"


def test_without_a_reference_there_are_no_images_that_it_is_of():
    with pytest.raises(DeriveError) as caught:
        derive.convert(labels(), **MANUAL)
    assert caught.value.code == "SEG-REFERENCE"


def test_without_highdicom_it_says_how_it_is_had(ct, monkeypatch):
    real = builtins.__import__

    def absent(name, *others, **more):
        if name.partition(".")[0] == "highdicom":
            raise ImportError(name)
        return real(name, *others, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(DeriveError) as caught:
        derive.convert(labels(), reference=ct, orientation="reference", **MANUAL)
    assert (caught.value.code, "pip install 'dicom-derive[seg]'" in str(caught.value)) == ("SEG-HIGHDICOM", True)


@pytest.mark.parametrize(
    ("table", "code"),
    [("number;label\n1;liver\n", "SEG-LABEL"), ("", "SEG-LABEL"), ("number,label\nx,liver\n", "SEG-LABEL")],
    ids=["semicolons", "empty", "no number"],
)
def test_a_table_that_is_none_is_refused(table, code, ct, tmp_path):
    (tmp_path / "labels.csv").write_text(table)
    assert code_of(labels(), ct, label=(), labels=str(tmp_path / "labels.csv")) == code
    assert code_of(labels(), ct, label=(), labels=str(tmp_path / "none.csv")) == "SRC-MISSING"


def test_the_command_lists_segments_and_refuses_what_python_does(tmp_path, capsys):
    ct = saved(tmp_path / "ct")
    path = nifti(tmp_path / "l.nii.gz", labels(), affine_of(derive.read(ct)))
    command = ["convert", str(path), "-o", str(tmp_path / "out"), "--as", "segmentation", "--reference", str(ct)]
    assert main([*command, "--label", LIVER, "--algorithm-type", "manual"]) == 2
    assert "SEG-CODES" in capsys.readouterr().err
    assert main([*command, "--label", LIVER, "--label", BONE, "--algorithm-type", "manual"]) == 0
    assert "segment 1: Liver (SCT:10200004 Liver)" in capsys.readouterr().out
    assert len(list((tmp_path / "out").iterdir())) == 1
