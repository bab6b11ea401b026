"""Pictures of every page that a user opens: report, explorer, MLflow, kedro-viz, and these docs.

make compare docs && .venv/bin/python docs/screenshots.py       # two minutes, after the comparison; into docs/images/
"""

from __future__ import annotations

import argparse
import http.server
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path

from mlflow import MlflowClient
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from gencompare.tracking.server import runs_address
from gencompare.tracking.views import NEWEST

PROJECT = Path(__file__).parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SIZE = {"width": 1440, "height": 860}
SECONDS_TO_START = 120.0

Picture = tuple[str, Page | Locator]
"""A name, and what is shown."""


@contextmanager
def served(*words: str) -> Iterator[str]:
    """The address of a server that a command starts on the port it is given for `PORT`, while the context lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", *(word.replace("PORT", str(port)) for word in words)]
    server = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + SECONDS_TO_START
    try:
        while True:
            try:
                urllib.request.urlopen(address, timeout=2)
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{' '.join(command)} does not answer") from None
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait()


@contextmanager
def static(folder: Path) -> Iterator[str]:
    """The address of a folder of pages, while the context lasts."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def report(page: Page) -> Iterator[Picture]:
    """The top of the newest report, its samples and its curves."""
    newest = max(PROJECT.glob("data/08_reporting/gan_compare/*/report.html/*/report.html"))
    page.goto(newest.as_uri())
    page.wait_for_selector("html[data-drawn]")
    yield "report", page
    yield "samples", page.locator("section#samples .panels")
    page.locator("section#curves").scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    yield "report_curves", page


def explorer(page: Page) -> Iterator[Picture]:
    """Its views."""
    with served("kedro", "explore", "--port=PORT") as address:
        page.goto(address)
        page.wait_for_selector("#view[data-drawn=images]")
        yield "explorer", page
        page.click("#tab-blind")
        page.wait_for_selector("#view[data-drawn=blind]")
        yield "explorer_blind", page


def mlflow(page: Page) -> Iterator[Picture]:
    """The contenders of the newest comparison, as a table and as charts."""
    store = f"sqlite:///{PROJECT}/mlflow.db"
    experiment = MlflowClient(store).get_experiment_by_name("gencompare").experiment_id
    page.add_init_script(
        "for (const key of ['panelOpen_v1', 'fab.autoOpenedOnFirstLoad_v1'])"
        " localStorage.setItem(`mlflow.assistant.${key}`, !key.startsWith('panel'))"
    )
    words = (
        "mlflow",
        "server",
        "--workers=1",
        "--host=127.0.0.1",
        "--port=PORT",
        f"--backend-store-uri={store}",
    )
    with served(*words) as address:
        for name, charts in (("mlflow_runs", False), ("mlflow_compare", True)):
            page.goto("about:blank")  # else MLflow keeps to its last page
            page.goto(runs_address(experiment, NEWEST, charts, address))
            page.get_by_text("Group: dcgan").wait_for()
            page.wait_for_timeout(3000)
            yield name, page


def kedro_viz(page: Page) -> Iterator[Picture]:
    """The graph of the main job."""
    command = [sys.executable, "-m", "kedro", "viz", "build", "--include-previews"]
    subprocess.run(command, cwd=PROJECT, stdout=subprocess.DEVNULL, check=True)
    with static(PROJECT / "build") as address:
        page.goto(f"{address}/?pid=gan_compare&types=nodes")
        page.locator("g.pipeline-node").first.wait_for()
        page.locator(".feature-hints__close").click()
        page.wait_for_timeout(8000)  # the graph moves into place, and the last hint goes
        yield "kedro_viz", page


def docs(page: Page) -> Iterator[Picture]:
    """The first page of the docs site."""
    page.goto((PROJECT / "site/index.html").as_uri())
    page.wait_for_timeout(1000)
    yield "docs", page


def take(browser: Browser, folder: Path) -> None:
    """Take all pictures."""
    for views in (report, explorer, mlflow, kedro_viz, docs):
        page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
        page.set_default_timeout(60_000)
        for name, shown in views(page):
            taken = Image.open(BytesIO(shown.screenshot()))
            taken.quantize(256).save(folder / f"{name}.png", optimize=True)  # a third of the size
            sys.stdout.write(f"{folder / name}.png\n")
        page.close()


def main() -> None:
    """Take them into a folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=PROJECT / "docs/images")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        take(browser, folder)
        browser.close()


if __name__ == "__main__":
    main()
