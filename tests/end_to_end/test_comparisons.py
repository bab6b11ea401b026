"""Every registered comparison in smoke size, from raw images to a report that opens in a browser."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from gencompare.reporting.report import SECTIONS

from .conftest import COMPARISONS, newest, run

WHOLE = "[...document.images].every(i => !i.src || (i.complete && i.naturalWidth))"


@pytest.fixture(scope="module")
def studies(fresh: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One project for most comparisons, so that they share trainings as a user's do."""
    return fresh(tmp_path_factory.mktemp("studies"))


@pytest.fixture(scope="module")
def places(
    sources: dict[str, dict[str, str]], fashion_mnist_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, str]]:
    """Where the images lie, by image set: of birds and cars some hundreds, as conf/smoke takes of others."""
    birds, cars = tmp_path_factory.mktemp("birds"), tmp_path_factory.mktemp("cars")
    for entry in Path(sources["cub200"]["folder"]).iterdir():
        (birds / entry.name).symlink_to(entry)
    listed = (birds / "images.txt").read_text().splitlines(keepends=True)
    (birds / "images.txt").unlink()
    (birds / "images.txt").write_text("".join(listed[::7]))
    for split, count in (("train", 256), ("test", 128)):
        for kind in ("automobile", "horse"):
            (cars / split / kind).mkdir(parents=True)
            photos = sorted(Path(sources["cifar10"]["folder"], split, kind).iterdir())
            for photo in photos[:count]:
                (cars / split / kind / photo.name).symlink_to(photo)
    few = {"cub200": {"folder": str(birds)}, "cifar10": {"folder": str(cars)}}
    return sources | few | {"fashion_mnist": {"folder": str(fashion_mnist_folder)}}


def compare(project: Path, name: str, places: dict[str, dict[str, str]]) -> None:
    """Run a comparison on its own image set."""
    image_set = COMPARISONS[name].image_set["name"]
    run(project, name, image_sets={image_set: places[image_set]} if image_set in places else {})


SHARING = ("sampler_compare", "fashion_compare")
"""Some of these contenders are trained alike."""


@pytest.fixture(scope="module")
def clothes(
    once: Callable[..., Path], fresh: Callable[[Path], Path], places: dict[str, dict[str, str]]
) -> Path:
    """A project in which two comparisons have run that share trainings."""

    def make(folder: Path) -> None:
        fresh(folder)
        for name in SHARING:
            compare(folder, name, places)

    return once("clothes", make)


@pytest.mark.parametrize("name", COMPARISONS)
def test_every_comparison_ends_in_a_report_that_opens(name, request, open_report):
    ran = {"gan_compare": "finished"} | dict.fromkeys(SHARING, "clothes")  # for other tests, too
    project = request.getfixturevalue(ran.get(name, "studies"))
    if name not in ran:
        compare(project, name, request.getfixturevalue("places"))
    (folder,) = (project / "data/08_reporting" / name).iterdir()
    table = pd.read_csv(newest(folder, "scores.csv")).set_index("contender")
    assert set(COMPARISONS[name].contenders) <= set(table.index)

    page = open_report(newest(folder, "report.html"))
    missing = [part for part in SECTIONS if not page.locator(f"section#{part} h2").is_visible()]
    assert missing == []
    assert page.evaluate(WHOLE)
    assert page.complaints == []
    shown = page.locator("section#samples").inner_text()
    assert all(contender in shown for contender in COMPARISONS[name].contenders)
    page.screenshot(path=folder / "report.png", full_page=True)
    page.close()


def test_equal_trainings_are_done_once(clothes):
    """The samplers of one comparison share networks, and so does another comparison on the same images."""
    models = clothes / "data/06_models"
    samplers = COMPARISONS["sampler_compare"].contenders
    diffusion = {name for name in samplers if not name.startswith(("flow", "consistency"))}
    alike = [path for path in models.glob("sampler_compare/*/*") if path.name in diffusion]
    alike += models.glob("fashion_compare/*/ddpm_clothes")
    assert len(alike) == len(diffusion) + 1
    assert len({newest(folder, "weights.safetensors").read_bytes() for folder in alike}) == 1
    made = [json.loads(file.read_text()) for file in models.glob("trainings/*/settings.json")]
    unconditional = {*diffusion, "ddpm_clothes"}
    assert len([one for one in made if one["contender"] in unconditional]) == 1
    for family in ("flow", "consistency"):
        assert len([one for one in made if one["contender"].startswith(f"{family}_")]) == 1
    other = next(models.glob("fashion_compare/*/conditional_ddpm"))
    assert (
        newest(other, "weights.safetensors").read_bytes()
        != newest(alike[0], "weights.safetensors").read_bytes()
    )
    outputs = clothes / "data/07_model_output/sampler_compare"
    costs = [json.loads(newest(folder, "sampling_cost.json").read_text()) for folder in outputs.glob("*/*")]
    assert len({cost["nfe"] for cost in costs}) > 3


LEARNING = ("ddpm", "vae")


@pytest.fixture(scope="module")
def diverged(once: Callable[..., Path], finished: Path, fashion_mnist_folder: Path) -> Path:
    """The finished project, in which another image set was then compared on.

    The learning rate of one contender is a million times too high. Two others train for long enough to draw something,
    which clothes allow in seconds: `failed to learn` is not what is asked about here.
    """

    def make(folder: Path) -> None:
        shutil.copytree(finished, folder, dirs_exist_ok=True)
        run(
            folder,
            dataset="fashion_mnist",
            chosen_contenders=",".join(["vanilla_gan", *LEARNING]),
            image_sets={"fashion_mnist": {"folder": str(fashion_mnist_folder)}},
            contenders={"vanilla_gan": {"training": {"lr": 1e6}}}
            | {name: {"training": {"kimg": 6}} for name in LEARNING},
        )

    return once("diverged", make)


def test_another_image_set_is_kept_apart(finished, diverged):
    arrays = [
        {file.relative_to(one) for file in (one / "data").rglob("*.npz")} for one in (finished, diverged)
    ]
    before, after = ({file for file in files if "squares" in str(file)} for files in arrays)
    assert after == before != set()
    image_sets = {path.name for path in (diverged / "data/06_models/gan_compare").iterdir()}
    assert len(image_sets) == 2
    (fashion,) = (diverged / "data/08_reporting/gan_compare").glob("fashion_mnist*")
    assert fashion.name in image_sets
    assert "squares_valid" not in pd.read_csv(newest(fashion, "scores.csv")).columns


def test_a_diverged_contender_is_shown_as_such_and_the_others_are_ranked(diverged, open_report):
    (folder,) = (diverged / "data/08_reporting/gan_compare").glob("fashion_mnist*")
    models = diverged / f"data/06_models/gan_compare/{folder.name}/vanilla_gan"
    assert json.loads(newest(models, "outcome.json").read_text())["health"] == "diverged"
    page = open_report(newest(folder, "report.html"))
    failures = page.locator("section#failures").inner_text()
    assert re.search(r"vanilla_gan\s*diverged", failures)
    rows = page.locator("section#scores table").first.locator("tbody tr").all_inner_texts()
    others = [name for name in LEARNING if name not in failures]
    assert len(others) == 2
    place = {name: next(n for n, row in enumerate(rows) if name in row) for name in [*others, "vanilla_gan"]}
    assert "diverged" in rows[place["vanilla_gan"]]
    assert all("diverged" not in rows[place[name]] for name in others)
    assert max(place[name] for name in others) < place["vanilla_gan"]
    page.close()
