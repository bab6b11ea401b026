"""Fixtures that every room shares."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

# Before torch is imported: threads that spin while they wait would take the cores from a test's own workers.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:  # one of several processes that share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")

PROJECT = Path(__file__).parents[1]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def absent(what: str) -> None:
    """Skip visibly; fail where GENCOMPARE_REQUIRE_ALL=1 says that everything must be there, as `.ci/run` does.

    Never by `CI`, which every public CI sets.
    """
    if os.environ.get("GENCOMPARE_REQUIRE_ALL") == "1":
        pytest.fail(f"{what} is missing, and GENCOMPARE_REQUIRE_ALL=1 asks for it")
    pytest.skip(f"{what} is not on this machine")


def until(found: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until something holds, and fail where it takes that long."""
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real development images (pandas, CUB_200_2011, cifar10_jpeg)."""
    given = os.environ.get("GENCOMPARE_SHARED_DATA")
    if not given or not (Path(given) / "pandas").is_dir():
        absent("the folder of real development images (GENCOMPARE_SHARED_DATA)")
    return Path(str(given))


@pytest.fixture(scope="session")
def sources(shared_data: Path) -> dict[str, dict[str, str]]:
    """Where the image sets that a user has to fetch lie, as parameters under `image_sets`."""
    return {
        "pandas": {"folder": str(shared_data / "pandas")},
        "cub200": {"folder": str(shared_data / "CUB_200_2011")},
        "cifar10": {"folder": str(shared_data / "cifar10_jpeg")},
    }


@pytest.fixture(scope="session")
def once(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Callable[[str, Callable[[Path], Any]], Path]:
    """Have a folder made once for all of pytest's processes: whichever asks first makes it, the others wait for it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def made(name: str, make: Callable[[Path], Any]) -> Path:
        folder, whole = shared / f"once-{name}", shared / f"once-{name}.whole"
        with FileLock(f"{folder}.lock"):
            if not whole.exists():
                shutil.rmtree(folder, ignore_errors=True)  # where making it has failed before
                folder.mkdir()
                make(folder)
                whole.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def whole_database(once: Callable[..., Path]) -> Path:
    """A database of MLflow without any run, to be copied: to make one takes seconds."""
    from gencompare.tracking.server import ensure_database

    return once("database", lambda folder: ensure_database(f"sqlite:///{folder}/mlflow.db")) / "mlflow.db"


@pytest.fixture(scope="session")
def leave_training() -> Callable[..., None]:
    """A function that leaves what a training leaves, of networks that have learnt nothing."""
    from safetensors.torch import save_file

    from gencompare.config.contender import read_contender
    from gencompare.models.parts.shape import ImageShape
    from gencompare.models.parts.weights import flatten_weights
    from gencompare.sampling.saved import FILES

    classes = ["shirt", "bag", "boot"]
    families: dict[str, dict[str, Any]] = {
        "dcgan": {"name": "dcgan", "latent_dim": 4, "width": 8},
        "unet": {"name": "unet", "widths": [8]},
    }

    def leave(
        models: Path,
        place: str,
        *,
        family: str = "dcgan",
        sampler: dict[str, Any] | None = None,
        conditional: bool = True,
        seed: int = 0,
        version: str = "v1",
        without: tuple[str, ...] = (),
    ) -> None:
        values = {
            "model": families[family] | {"precision": "float32", "conditional": conditional},
            "objective": {"name": "vanilla" if family == "dcgan" else "denoising"},
            "sampler": sampler or {"name": "latent"},
            "training": {"kimg": 1},
        }
        contender = read_contender(values)
        weights = flatten_weights(contender.model.networks(ImageShape(1, 16, len(classes))))
        name = place.rpartition("/")[2].partition("_repeat")[0]
        settings = contender.values() | {"contender": name, "seed": seed}
        shape = {"channels": 1, "resolution": 16, "classes": classes, "labels": [2, 0, 1, 1]}
        for name in set(FILES) - set(without):
            file = models / place / name / version / name
            file.parent.mkdir(parents=True)
            if name.endswith("safetensors"):
                save_file({} if name.startswith("fitted") else weights, file)
            else:
                file.write_text(json.dumps(settings if name == "settings.json" else shape))

    return leave


@pytest.fixture(scope="session")
def fashion_mnist_folder() -> Path:
    """The folder of FashionMNIST's four IDX files."""
    folder = Path(os.environ.get("GENCOMPARE_FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))
    if not (folder / "train-images-idx3-ubyte.gz").is_file():
        absent("FashionMNIST (Debian package dataset-fashion-mnist)")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium to open pages with."""
    for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"):
        if Path(path).exists():
            return path
    absent("Chromium")
    raise AssertionError


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    """A Chromium that asks no network for anything by itself."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def open_report(browser: Any) -> Callable[..., Any]:
    """Open a report. What it asks of a network, logs or throws is collected in `page.complaints`."""

    def opened(report: Path, width: int = 1280, scheme: str = "light") -> Any:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url))
        page.goto(report.as_uri())
        page.wait_for_selector("html[data-drawn]", timeout=30_000)
        page.complaints = [text for text in complaints if not text.startswith(("data:", report.as_uri()))]
        return page

    return opened
