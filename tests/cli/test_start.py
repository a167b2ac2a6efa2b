"""The command line and the package import what is needed, when it is."""

from __future__ import annotations

import ast
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import derive

HEAVY = {"PIL", "SimpleITK", "cv2", "nibabel", "pydicom", "pynetdicom", "requests", "scipy", "tqdm"}


def imported(code: str) -> set[str]:
    """Packages that a program has imported at its end."""
    told = f"import sys\ntry:\n {code}\nfinally:\n print(*sys.modules, file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=False)
    return set(ended.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["nonsense"],
        ["completion", "bash"],
        ["convert", "--help"],
        ["gaussian-blur", "ct", "-o", "out"],
        ["mip", "--nonsense"],
        ["convert", "a.nii", "--as", "nonsense"],
        ["send"],
        ["fetch", "--nonsense"],
        ["gaussian-blur", "missing", "-o", "out", "--sigma-mm", "1"],
        ["apply", "missing", "-o", "out", "--function", "a:b"],
        ["convert", "missing", "-o", "out"],
        ["convert", "missing", "-o", "out.nii"],
        ["explain", "missing"],
        ["verify", "missing"],
        ["diff", "missing", "missing"],
        ["inspect", "missing"],
        ["show", "missing", "-o", "a.png"],
    ],
    ids=" ".join,
)
def test_help_usage_errors_and_a_missing_folder_need_no_pydicom(words):
    modules = imported(f"from derive.cli.main import main; main({words})")
    assert "derive.cli.main" in modules
    assert not modules & HEAVY


@pytest.mark.parametrize("code", ["import derive", "import derive; dir(derive)", "from derive.cli.main import main"])
def test_the_package_alone_needs_nothing_but_python(code):
    modules = imported(code)
    assert "derive" in modules
    assert not modules & {*HEAVY, "numpy"}


def test_help_takes_no_longer_than_a_tenth_of_a_second_more_than_python():
    def seconds(*words: str) -> float:
        """Of a processor, which on a busy machine is less than the time that passes."""
        begun = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime

    python, page = zip(*[(seconds("-c", "pass"), seconds("-m", "derive", "--help")) for _ in range(9)], strict=True)
    assert min(page) - min(python) < max(0.1, 6 * min(python))  # the latter where others slow the machine down


def test_every_public_name_is_there_and_where_type_checkers_see_it():
    tree = ast.parse(Path(derive.__file__).read_text(encoding="utf-8"))
    block = next(n for n in tree.body if isinstance(n, ast.If))
    seen = {(n.module, a.name) for n in block.body if isinstance(n, ast.ImportFrom) for a in n.names}
    assert seen == {(home, name) for name, home in derive._HOME.items()}
    assert {"__version__", *derive._HOME} == set(derive.__all__) <= set(dir(derive))
    starred: dict[str, object] = {}
    exec("from derive import *", starred)
    assert set(derive.__all__) <= starred.keys()


def test_rooms_are_attributes_and_other_names_are_not():
    assert derive.operations.gaussian_blur.name == "gaussian_blur"
    with pytest.raises(AttributeError, match="nonsense"):
        derive.nonsense  # noqa: B018 - to ask is the test
