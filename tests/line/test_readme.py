"""The commands and the code of the README and of the rooms' texts run as they stand there."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

import derive
from derive.cli.commands import parser_of_all
from derive.cli.main import main
from derive.demo import phantom_datasets
from derive.pacs.service.service import PORT, ArchiveService
from tests.helpers.asserting import each
from tests.helpers.beside import another_series
from tests.helpers.multi_frame import multi_frame
from tests.helpers.sources import make_series

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEXTS = sorted([ROOT / "README.md", *(ROOT / "derive").rglob("README.md"), *(ROOT / "tests").rglob("README.md")])
MOST_WORDS = 1500
#: Flags of programs that are no command: of what regenerates the tables, of Dask's worker.
OF_OTHERS = {"--check", "--nthreads"}
COMMANDS = re.findall(r"^\| `derive ([^`]*)` \|", README, re.M)

FUNCTION = "def name(values, k=1.0):\n    return values * k\n"


@pytest.fixture
def archive(tmp_path):
    """The address of an archive that runs."""
    with ArchiveService(tmp_path / "store", port=0) as service:
        yield f"ARCHIVE@127.0.0.1:{service.port}"


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with series, `enhanced.dcm`, volumes, labels, a picture, a plan, and a function of the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "ct").mkdir()
    for k, dataset in enumerate(phantom_datasets()):
        dataset.save_as(tmp_path / "ct" / f"{k}.dcm", enforce_file_format=True)
    ct = derive.read(tmp_path / "ct")
    for name in ("volume.nii.gz", "denoised.nii.gz"):
        derive.export(ct, tmp_path / name)
    (tmp_path / "dwi").mkdir()
    along = {"DiffusionBValue": (0, (1000, (1, 0, 0)), (1000, (0, 1, 0)))}
    for path in ("dwi/1.dcm", "enhanced.dcm"):
        image = multi_frame("MR", along=along)
        words = np.frombuffer(image.PixelData, "<u2")
        image.PixelData = (words.max() + 1000 - words).tobytes()  # less with every volume, as diffusion has it
        image.save_as(tmp_path / path, enforce_file_format=True)
    for name, images in {"post": make_series(), "pre": another_series()}.items():
        (tmp_path / name).mkdir()
        for k, dataset in enumerate(images):
            dataset.save_as(tmp_path / name / f"{k}.dcm", enforce_file_format=True)
    Image.new("RGB", (8, 6), "red").save(tmp_path / "photo.png")
    labels_of(tmp_path / "volume.nii.gz", tmp_path / "labels.nii.gz")
    shutil.copytree(tmp_path / "ct", tmp_path / "pet")
    (tmp_path / "plan.toml").write_text(
        '[[rule]]\nselect = { Modality = "CT" }\nsteps = ["gaussian_blur(sigma_mm=1)"]\n'
    )
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "module.py").write_text(FUNCTION)
    yield tmp_path
    for name in ("package.module", "package"):
        sys.modules.pop(name, None)


def labels_of(volume: Path, labels: Path) -> None:
    """Write a label map of what is dense in a volume."""
    image = nibabel.load(volume)
    nibabel.save(nibabel.Nifti1Image((np.asarray(image.dataobj) > 300).astype(np.uint8), image.affine), labels)


def arguments_of(command: str) -> list[str]:
    return shlex.split(command)


def console_steps() -> list[tuple[str, str]]:
    """Commands of the README that stand there with what they print."""
    (block,) = re.findall(r"```console\n(.*?)```", README, re.S)
    steps = re.split(r"^\$ derive ", block, flags=re.M)[1:]
    return [(step.partition("\n")[0], step.partition("\n")[2]) for step in steps]


def test_what_commands_print_is_what_the_readme_shows(workplace, capsys):
    for command, shown in each(console_steps()):
        assert main(arguments_of(command)) == 0
        printed = re.sub(r"2\.25\.[0-9]+", "UID", capsys.readouterr().out)
        assert printed.split() == shown.split(), command


def test_there_are_commands():
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_table_runs(command, workplace, request):
    if arguments_of(command)[0] in ("explain", "diff", "verify", "show"):
        main(["gaussian-blur", "ct", "-o", "out", "--sigma-mm", "1.5"])
    if "--undo" in command:
        main(["correct", "ct", "-o", "out", "--set", "PatientID=4711"])
    if arguments_of(command)[0] == "deid-check":
        main(["deidentify", "ct", "-o", "out"])
    if "ARCHIVE@" in command:
        archive = request.getfixturevalue("archive")
        command = command.replace(f"ARCHIVE@127.0.0.1:{PORT}", archive)
        main(["demo", "out"])
        derive.send("ct", archive)
        command = command.replace("UID", str(derive.read("ct").value("StudyInstanceUID")))
    arguments = shlex.split(command.replace("k=v", "k=2").replace("...", "ct/ -o out/"))
    if arguments[0] == "check":
        main(["demo", "out"])
    if arguments[-1] == "volume.nii.gz":
        (workplace / "volume.nii.gz").unlink()
    assert main(arguments) == 0


def run_python(text: str) -> None:
    names: dict[str, object] = {}
    for block in each(re.findall(r"```python\n(.*?)```", text, re.S)):
        exec(compile(block, "README.md", "exec"), names)


def test_the_python_runs(workplace):
    run_python(README)
    for folder in ("bone", "halved", "smooth"):
        assert (workplace / folder / "IM00001.dcm").exists()
    assert (workplace / "volume.nrrd").exists()
    bone, ct = (np.asarray(derive.read(workplace / name)) for name in ("bone", "ct"))
    assert np.array_equal(bone[ct > 300], ct[ct > 300])
    assert (bone[ct <= 300] == -1000).all()


def test_the_python_of_the_archive_runs(workplace):
    run_python((ROOT / "derive" / "pacs" / "README.md").read_text(encoding="utf-8"))
    assert len(list((workplace / "study").iterdir())) == 2


def test_the_readme_is_short_and_begins_with_a_picture():
    assert len(README.split()) <= MOST_WORDS
    (picture,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README[:2000])
    assert Image.open(ROOT / picture).format == "PNG"
    assert 20_000 < (ROOT / picture).stat().st_size < 300_000


def test_the_two_set_up_lines_are_there_and_ci_runs_the_second():
    lines = [line.strip() for line in README.splitlines() if "pip install" in line]
    assert len(lines) == 2
    assert lines[0].endswith("derive demo out/")
    assert "pytest" in lines[1]
    assert "README.md" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("text", TEXTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_link_is_broken(text):
    targets = re.findall(r"\]\(([^)#]+)\)", text.read_text(encoding="utf-8"))
    assert [t for t in targets if not t.startswith("http") and not (text.parent / t).exists()] == []


@pytest.mark.parametrize("text", TEXTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_flag_that_is_named_is_one(text):
    known = {flag for command in parser_of_all()[1] for flag in flags_of(command)}
    code = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text.read_text(encoding="utf-8"), flags=re.S))
    named = {
        flag for words in code for flag in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", words) if "python -m" not in words
    }
    assert named - known - OF_OTHERS == set()


def flags_of(command: str) -> list[str]:
    parser = parser_of_all()[1][command]
    parser.fill()
    return [flag for action in parser._actions for flag in action.option_strings]
