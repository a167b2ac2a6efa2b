"""Pictures that a function draws of a volume: Secondary Capture of the images behind it, or a refusal by name."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from pydicom.uid import (
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

import derive
from derive.cli.main import main
from derive.errors import UsageError, ValuesError
from derive.model.volume import Volume
from derive.operations import apply, gaussian_blur, mip
from tests.helpers.asserting import raises_code
from tests.helpers.enhanced import assert_accepted, saved, written
from tests.helpers.multi_frame import multi_frame
from tests.helpers.sources import make_series
from tests.helpers.verification import verified

NOBODY = {"BurnedInAnnotation": "NO"}


def grey(values):
    """Two looks at the largest values."""
    low, high = values.min(), values.max()
    seen = ((values.max(axis=0) - low) / (high - low) * 255).astype(np.uint8)
    return np.stack([seen, seen[::-1]])


def colour(values):
    return np.stack([grey(values)[0], grey(values)[1], grey(values)[0] // 2], axis=-1)


def colours(values):
    return np.stack([colour(values), 255 - colour(values)])


def bits(values):
    return grey(values) > 100


def words(values):
    return grey(values).astype(np.uint16) * 200


def of_an_image(image: sitk.Image):
    return grey(sitk.GetArrayFromImage(image))


def of_a_volume(volume: Volume):
    return grey(volume.filled())


DRAWN = [
    (grey, SecondaryCaptureImageStorage, MultiFrameGrayscaleByteSecondaryCaptureImageStorage),
    (colour, SecondaryCaptureImageStorage, MultiFrameTrueColorSecondaryCaptureImageStorage),
    (colours, SecondaryCaptureImageStorage, MultiFrameTrueColorSecondaryCaptureImageStorage),
    (bits, SecondaryCaptureImageStorage, MultiFrameSingleBitSecondaryCaptureImageStorage),
    (words, SecondaryCaptureImageStorage, MultiFrameGrayscaleWordSecondaryCaptureImageStorage),
    (of_an_image, SecondaryCaptureImageStorage, MultiFrameGrayscaleByteSecondaryCaptureImageStorage),
    (of_a_volume, SecondaryCaptureImageStorage, MultiFrameGrayscaleByteSecondaryCaptureImageStorage),
]
CASES = [*(("CT", *drawn) for drawn in DRAWN), ("MR", *DRAWN[0]), ("PT", *DRAWN[1])]


@pytest.mark.parametrize("together", [False, True], ids=["each", "together"])
@pytest.mark.parametrize(("modality", "draw", "single", "multi"), CASES, ids=[f"{c[0]}-{c[1].__name__}" for c in CASES])
def test_what_is_drawn_is_stored_as_it_is_and_names_all_images_behind_it(
    draw, single, multi, together, modality, tmp_path
):
    source = derive.read(saved(tmp_path / "source", *make_series(modality)))
    into = "multi-frame-secondary-capture" if together else "secondary-capture"
    derive.build(source, draw, code="VolumeRendering", into=into, set=NOBODY).write(tmp_path / "out")
    instances = written(tmp_path / "out")
    values = source.volume.filled()
    wanted = {"of_an_image": grey, "of_a_volume": grey}.get(draw.__name__, draw)(values)
    pages = wanted[None] if draw is colour else wanted
    if draw is bits and not together:
        pages = pages * np.uint8(255)
    found = [i.pixel_array for i in instances]
    found = found[0].reshape(pages.shape) if together else np.stack(found)
    np.testing.assert_array_equal(found, pages)
    for instance in instances:
        assert instance.SOPClassUID == (multi if together else single)
        assert (instance.Modality, instance.BurnedInAnnotation) == (modality, "NO")
        assert instance.ImageType[:2] == ["DERIVED", "SECONDARY"]
        assert instance.DerivationCodeSequence[0].CodeValue == "113074"
        assert instance.StudyInstanceUID == source.text("StudyInstanceUID")
        assert not instance.keys() & {pydicom.datadict.tag_for_keyword(k) for k in PLACES}
        named = {item.ReferencedSOPInstanceUID for item in instance.SourceImageSequence}
        assert named == {f.reference.sop_instance_uid for f in source.frames}
    assert_accepted(tmp_path / "source", tmp_path / "out")
    assert derive.check(tmp_path / "out").errors == ()


PLACES = ("FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")


def numbers(item):
    """The frames that an item refers to."""
    said = item.ReferencedFrameNumber
    return [int(said)] if isinstance(said, int) else [int(f) for f in said]


def test_of_a_multi_frame_image_and_of_what_other_steps_make(tmp_path):
    source = derive.read(saved(tmp_path / "source", multi_frame("MR", along={"EffectiveEchoTime": (10.0, 20.0)})))
    steps = gaussian_blur(sigma_mm=1.0), apply(function=grey, code="SurfaceRendering", description="two looks")
    derive.build(source, *steps, into="secondary-capture", set=NOBODY).write(tmp_path / "out")
    instances = written(tmp_path / "out")
    assert len(instances) == 4
    assert [c.CodeValue for c in instances[0].DerivationCodeSequence] == ["113088", "113075"]
    assert instances[0].DerivationDescription.startswith("gaussian_blur(sigma_mm=1); apply(function=")
    frames = [[f for item in i.SourceImageSequence for f in numbers(item)] for i in instances]
    volumes = [sorted({f.number for f in source.frames[k : k + 6]}) for k in (0, 6)]
    assert [sorted(f) for f in frames] == [volumes[0], volumes[0], volumes[1], volumes[1]]
    assert_accepted(tmp_path / "source", tmp_path / "out")


def test_a_record_says_that_it_cannot_be_computed_again(tmp_path):
    source = saved(tmp_path / "source", *make_series("CT"))
    derive.build(derive.read(source), grey, code="VolumeRendering", into="secondary-capture", set=NOBODY).write(
        tmp_path / "out"
    )
    assert "apply" in derive.explain(tmp_path / "out").steps[0].text
    assert verified(tmp_path / "out", source).verdict == "NOT-RECOMPUTABLE"


REFUSED = [
    (grey, {"set": {}}, "GIV-BURNED", UsageError),
    (grey, {"set": {"BurnedInAnnotation": "PERHAPS"}}, "SET-VALUE", UsageError),
    (lambda v: v, {}, "VAL-PICTURE", ValuesError),
    (lambda v: v.astype(np.uint8)[0, 0], {}, "OP-SHAPE", ValuesError),
    (lambda v: v.astype(np.uint8)[None, None], {}, "OP-SHAPE", ValuesError),
    (lambda v: v.astype(np.uint8)[:0], {}, "OP-SHAPE", ValuesError),
    (lambda v: [1, 2], {}, "OP-RESULT", ValuesError),
    (lambda v: v / "", {}, "OP-FUNCTION", ValuesError),
    (mip(), {}, "OPT-FORM", UsageError),
    (apply(function=grey, code="VolumeRendering", units="1"), {}, "OPT-FORM", UsageError),
    (apply(function=grey, code="VolumeRendering", halo_slices=1), {}, "OPT-FORM", UsageError),
    (apply(function=grey, code="Nonsense"), {}, "OP-CODE", UsageError),
]


@pytest.mark.parametrize(("step", "options", "code", "kind"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_picture_is_refused(step, options, code, kind):
    own = {} if hasattr(step, "kind") else {"code": "VolumeRendering"}
    with raises_code(code, kind):
        derive.build(derive.read(make_series("CT")), step, into="secondary-capture", **{"set": NOBODY} | own | options)


def test_on_the_command_line(tmp_path, monkeypatch, capsys):
    saved(tmp_path / "source", *make_series("CT"))
    (tmp_path / "looks.py").write_text(
        "import numpy as np\n\ndef render(values, gain):\n    return (values[0] * gain % 256).astype(np.uint8)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    line = ["apply", "source", "-o", "out", "--function", "looks:render", "--param", "gain=2", "--code"]
    line += ["VolumeRendering", "--as", "secondary-capture"]
    assert main(line) == 2
    assert "--burned-in-annotation" in capsys.readouterr().err
    assert main([*line, "--burned-in-annotation", "NO"]) == 0
    (instance,) = written(tmp_path / "out")
    assert instance.SOPClassUID == SecondaryCaptureImageStorage
    assert instance.SeriesDescription.startswith("render gain=2")
