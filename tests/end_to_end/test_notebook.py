"""The notebook runs from top to bottom on a finished comparison."""

from __future__ import annotations

import nbformat
from nbclient import NotebookClient

from .conftest import COMPARISONS, PROJECT

CONTENDERS = COMPARISONS["gan_compare"].contenders


def test_notebook_shows_every_contender(finished, monkeypatch):
    monkeypatch.setenv("KEDRO_ENV", "smoke")
    notebook = nbformat.read(PROJECT / "notebooks/look_into_a_comparison.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(finished)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    printed = "".join(
        output.text for output in outputs if output.output_type == "stream" and output.name == "stdout"
    )
    assert all(f"{name} (64, 16, 16, 3)" in printed for name in CONTENDERS)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == len(CONTENDERS) + 1
