"""The notebooks run from top to bottom in an empty folder, say what is stored in them, and are fit to be looked at.

``python -m tests.line.test_notebooks`` runs them and stores what they say.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.helpers.asserting import each

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NAMES = [
    "01_blur_resample_mip",
    "02_write_back_to_pacs",
    "03_raw_volume_to_ct",
    "04_your_own_function",
    "05_deidentify",
    "06_multi_frame_and_time",
    "07_two_series_and_quantities",
    "08_colour_labels_compression",
    "09_many_studies",
]
LARGEST = 700_000
KERNEL = "derive-under-test"
SECONDS_A_CELL = 60
#: What a notebook may do that a module may not.

DATA_URL = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=]+)")
NUMBER = re.compile(r"\d+(?:\.\d+)*(?:e[-+]\d+)?")
ABSOLUTE = re.compile(r"(?<![\w.<])/(?:home|root|work|opt|tmp|usr|var|mnt|private|Users)/|\b[A-Z]:\\")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(book: dict[str, Any]) -> list[dict[str, Any]]:
    return [c for c in book["cells"] if c["cell_type"] == "code"]


def joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def texts(output: dict[str, Any]) -> list[str]:
    """Everything in an output that people read."""
    if output["output_type"] == "stream":
        return [joined(output["text"])]
    if output["output_type"] == "error":
        return [output["ename"], output["evalue"], *output["traceback"]]
    return [DATA_URL.sub("", joined(text)) for kind, text in sorted(output["data"].items()) if kind[:5] == "text/"]


def pictures(output: dict[str, Any]) -> list[bytes]:
    data = output.get("data", {})
    found = [joined(data["image/png"])] if "image/png" in data else []
    return [base64.b64decode(f) for f in [*found, *DATA_URL.findall(joined(data.get("text/html", "")))]]


def told(cell: dict[str, Any]) -> list[str]:
    """What a cell says, whatever the numbers and the UIDs are; standard error depends on the machine."""
    said: list[str] = []
    stdout = ""
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            stdout += joined(output["text"]) if output["name"] == "stdout" else ""
        elif "image/png" in output.get("data", {}):
            said.append("picture")
        elif "application/vnd.jupyter.widget-view+json" not in output.get("data", {}):
            said += texts(output)
    return [" ".join(NUMBER.sub("#", text).split()) for text in [stdout, *said]]


def executed(path: Path, folder: Path) -> Any:
    """Run a notebook in a folder, by this interpreter, with no configuration of the user's."""
    import nbclient
    import nbformat

    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": argv, "display_name": KERNEL, "language": "python"}
        (Path(home) / "kernels" / KERNEL).mkdir(parents=True)
        (Path(home) / "kernels" / KERNEL / "kernel.json").write_text(json.dumps(spec))
        patch.setenv("JUPYTER_PATH", home)
        patch.setenv("IPYTHONDIR", home)
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        book = nbformat.read(path, as_version=4)
        nbclient.NotebookClient(
            book,
            timeout=SECONDS_A_CELL,
            kernel_name=KERNEL,
            resources={"metadata": {"path": str(folder)}},
            record_timing=False,
        ).execute()
    book.metadata["language_info"] = {"name": "python"}
    return book


def test_the_notebooks_are_there():
    assert [p.stem for p in NOTEBOOKS] == NAMES


@each_notebook
def test_it_runs_in_an_empty_folder_and_says_what_is_stored(path, tmp_path):
    pytest.importorskip("nbclient", reason="nbclient is not installed; it runs notebooks")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed; notebooks run in it")
    fresh = code_cells(json.loads(json.dumps(executed(path, tmp_path))))
    assert [o for c in fresh for o in c["outputs"] if o["output_type"] == "error"] == []
    assert list(tmp_path.iterdir()) == [], "it left something in the folder where it was started"
    stored = code_cells(load(path))
    for one, other in zip(fresh, stored, strict=True):
        assert told(one) == told(other), f"{other['id']} says something else: run python -m tests.line.test_notebooks"


@each_notebook
def test_it_is_stored_as_it_was_run_from_top_to_bottom(path):
    cells = code_cells(load(path))
    assert [c["execution_count"] for c in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(c["outputs"]) for c in cells) >= len(cells) - 2, (
        "all but the first and the last cell show something"
    )
    kinds = {(o["output_type"], o.get("name")) for c in cells for o in c["outputs"]}
    assert kinds <= {("stream", "stdout"), ("execute_result", None), ("display_data", None)}
    assert path.stat().st_size < LARGEST


@each_notebook
def test_no_stored_output_tells_of_this_machine_or_has_a_traceback(path):
    said = [text for c in code_cells(load(path)) for o in c["outputs"] for text in texts(o)]
    assert said
    for text in said:
        assert ABSOLUTE.search(text) is None, text
        assert "Traceback (most recent call last)" not in text
        assert not any(str(p) in text for p in (ROOT, Path.home(), Path(sys.prefix), Path(tempfile.gettempdir())))


@pytest.mark.parametrize(
    ("text", "of_a_machine"),
    [
        ("files in /tmp/tmpabc/ct", True),
        ("File '/opt/dv/lib/python3.11/x.py'", True),
        (r"C:\Users\me", True),
        ("<td>smooth</td>", False),
        ("window 40 / 400", False),
        ("77654033/CT2/17106", False),
    ],
)
def test_what_a_path_of_a_machine_is(text, of_a_machine):
    assert bool(ABSOLUTE.search(text)) == of_a_machine


@each_notebook
def test_its_pictures_are_inside_and_show_something(path):
    found = [p for c in code_cells(load(path)) for o in c["outputs"] for p in pictures(o)]
    assert len(found) >= 2
    for png in found:
        image = Image.open(io.BytesIO(png)).convert("L")
        assert min(image.size) >= 150
        darkest, lightest = image.getextrema()
        assert lightest - darkest > 200


@each_notebook
def test_words_stand_before_every_cell(path):
    cells = load(path)["cells"]
    for before, cell in each(zip([None, *cells], cells, strict=False)):
        if cell["cell_type"] == "code":
            assert before is not None
            assert before["cell_type"] == "markdown"
            words = "".join(line for line in before["source"] if not line.startswith("#"))
            assert 1 <= len(re.findall(r"[.:?!](?:\s|$|\*|\))", words)) <= 8, words


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]])
def test_its_code_is_as_clean_as_that_of_the_package(arguments):
    ruff = [sys.executable, "-m", "ruff", *arguments, "--no-cache", FOLDER.name]
    done = subprocess.run(ruff, cwd=ROOT, capture_output=True, text=True, check=False)
    if "No module named ruff" in done.stderr:
        pytest.skip("ruff is not installed")
    assert done.returncode == 0, done.stdout + done.stderr


def _store() -> None:
    """Run the notebooks and store what they say."""
    import nbformat

    for path in NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            nbformat.write(executed(path, Path(folder)), path)


if __name__ == "__main__":
    _store()
