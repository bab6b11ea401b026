"""Pages of results from what a run left, in smoke size."""

from __future__ import annotations

import json
import re

import pytest
from PIL import Image

from gencompare.config.typed import SettingError

from .conftest import COMPARISONS, run


def test_a_finished_comparison_becomes_a_page_and_the_same_one_again(finished):
    run(finished, "publish")
    results = finished / "docs/results"
    (folder,) = (path for path in results.iterdir() if path.is_dir())
    page = (folder / "index.md").read_text()
    assert page.startswith("# gan_compare on squares")
    for part in (
        COMPARISONS["gan_compare"].question,
        "Kernel distance ↓",
        "## Claims",
        COMPARISONS["gan_compare"].claims[0].says,
        "## Costs",
        "git_commit",
        "`model.name`",
    ):
        assert part in page
    pictures = re.findall(r"!\[[^]]*\]\((.+?)\)", page)
    assert {f"{name}.png" for name in COMPARISONS["gan_compare"].contenders} <= set(pictures)
    for name in pictures:
        Image.open(folder / name).verify()
    assert sum(file.stat().st_size for file in folder.iterdir()) < 1_000_000
    facts = json.loads((folder / "result.json").read_text())
    assert facts["seeds"] == 1
    assert facts["verdict"].endswith(".")
    index = (results / "index.md").read_text()
    assert f"({folder.name}/index.md)" in index
    assert "scored by older rules" not in index
    assert all(
        f"| {claim.says} | gan_compare | squares" in index for claim in COMPARISONS["gan_compare"].claims
    )

    before = {file: file.read_bytes() for file in results.rglob("*") if file.is_file()}
    run(finished, "publish", comparison="gan_compare", dataset="squares")
    assert before == {file: file.read_bytes() for file in results.rglob("*") if file.is_file()}


def test_what_has_not_run_cannot_be_published(finished):
    with pytest.raises(
        SettingError, match=r"comparison='gan_compare': nothing of it .* run it first: kedro run"
    ):
        run(finished, "publish", comparison="gan_compare", dataset="pandas")
    with pytest.raises(SettingError, match=r"comparison='car_compare': nothing of it .*=car_compare"):
        run(finished, "publish", comparison="car_compare")
