"""The explorer in a real browser, with real clicks, over two contenders that have learnt nothing."""

from __future__ import annotations

import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from PIL import Image
from playwright.sync_api import expect

from gencompare.explorer.app import make_app
from gencompare.imagesets import storage
from gencompare.imagesets.arrays import Images
from gencompare.imagesets.base import Preparation

from ..conftest import until

DDPM = {"name": "ddim", "steps": 3, "guidance_scale": 2.0}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, leave_training: Any) -> Path:
    """What a comparison leaves of a DCGAN and a conditional DDPM."""
    folder = tmp_path_factory.mktemp("explored")
    leave_training(folder / "06_models", "one/squares/dcgan", conditional=False)
    leave_training(folder / "06_models", "one/squares/ddpm", family="unet", sampler=DDPM)
    rng = np.random.default_rng(0)
    splits = [Images(rng.integers(0, 256, (90, 16, 16, 1), np.uint8), np.arange(90) % 3) for _ in range(2)]
    facts = {
        "name": "squares",
        "folder": "squares",
        "resolution": 16,
        "channels": 1,
        "source": "",
        "licence": "",
    }
    card = facts | {"classes": ["shirt", "bag", "boot"]}
    images = folder / "05_model_input" / "squares"
    images.mkdir(parents=True)
    storage.write(Preparation("f", card, lambda: iter(splits[:1]), lambda: iter(splits[1:])), images)
    score = {"kind": "fd", "value": 12.0, "low": 11.0, "high": 13.0, "better": "lower"}
    for contender in ("dcgan", "ddpm"):
        made = folder / "07_model_output/one/squares" / contender
        for name in ("samples.npz", "scores.json"):
            (made / name / "v1").mkdir(parents=True)
        np.savez(made / "samples.npz/v1/samples.npz", images=rng.integers(0, 256, (20, 16, 16, 1), np.uint8))
        (made / "scores.json/v1/scores.json").write_text(json.dumps({"scores": {"fd": score}}))
    return folder


@pytest.fixture(scope="module")
def address(data: Path) -> Iterator[str]:
    """The explorer, served."""
    door = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(make_app(data), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{door.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """Its page. What it asks of anybody else, logs or throws is collected in `page.complaints`."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page.set_default_timeout(20_000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.goto(address)
    page.wait_for_selector("#view[data-drawn=images]")
    yield page
    assert [text for text in said if not text.startswith((address, "data:", "blob:"))] == []
    page.close()


def sources(page: Any, contender: str) -> list[str]:
    return page.locator(f"[data-contender={contender}] .tiles img").evaluate_all(
        "all => all.map(one => one.src)"
    )


def test_contenders_stand_side_by_side_for_one_seed_class_steps_and_guidance(page, tmp_path):
    seen = [(sources(page, "dcgan"), sources(page, "ddpm"))]
    assert [len(images) for images in seen[0]] == [8, 8]
    for control, value in (("seed", "7"), ("label", "2"), ("steps", "2"), ("guidance", "0")):
        field = page.locator(f"#{control}")
        field.select_option(value) if control == "label" else field.fill(value)
        page.wait_for_selector("#view[data-drawn=images]")
        seen.append((sources(page, "dcgan"), sources(page, "ddpm")))
    (first, seed, label, steps, guidance) = seen
    assert first[0] != seed[0] == label[0] == steps[0] == guidance[0]  # a DCGAN has a seed alone
    assert len({tuple(ddpm) for _, ddpm in seen}) == 5
    assert "2 steps · guidance 0" in page.inner_text("[data-contender=ddpm]")

    page.locator("[data-contender=dcgan] .tiles button").nth(2).click()
    page.wait_for_selector("#near img")
    assert page.locator("#near img").count() == 3
    for button in ("#save-one", "[data-contender=dcgan] > button"):
        with page.expect_download() as download:
            page.click(button)
        Image.open(download.value.path()).verify()
        if button == "#save-one":
            assert download.value.suggested_filename == "dcgan-seed7-2.png"
            page.keyboard.press("Escape")
    assert Image.open(download.value.path()).size == (8 * 16 * 4, 16 * 4)
    page.screenshot(path=tmp_path / "images.png")


def test_walks_and_films_follow_the_slider(page, tmp_path):
    for view in ("walk", "film"):
        page.click(f"#tab-{view}")
        page.wait_for_selector(f"#view[data-drawn={view}]")
        shown = {}
        for frame in (0, 8, 24):
            page.locator("#frame").fill(str(frame))
            shown[frame] = sources(page, "ddpm")
        assert shown[0] != shown[8] != shown[24]
        if view == "walk":  # ends stand beside what is between
            assert shown[0][1] == shown[0][0] and shown[24][1] == shown[24][2]
        page.screenshot(path=tmp_path / f"{view}.png")
    before = page.locator("#frame").input_value()
    page.click("#play")
    expect(page.locator("#frame")).not_to_have_value(before)


def test_votes_of_the_blind_test_become_scores(page, data, tmp_path):
    page.click("#tab-blind")
    page.wait_for_selector("#view[data-drawn=blind]")
    asked = page.locator(".side img").count()
    page.locator(".side").first.click()
    page.wait_for_selector(".side[data-chosen]")
    sides = page.locator(".side b").all_inner_texts()
    assert asked == 2 and "real" in sides and {"dcgan", "ddpm"} & set(sides)
    page.wait_for_selector("td small:has-text('of 1')")

    page.click("[data-kind=better]")
    page.wait_for_selector(".sheet img:nth-child(9)")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".side[data-chosen]")
    chosen = page.locator(".side b").all_inner_texts()[1]
    preferred = page.locator(f"tr[data-contender={chosen}] td").nth(1)
    page.wait_for_selector("td small:has-text('1 vote')")
    assert int(preferred.inner_text().split(" %")[0]) > 50
    page.screenshot(path=tmp_path / "blind.png", full_page=True)

    votes = [
        json.loads(line) for line in (data / "08_reporting/votes/one/squares.jsonl").read_text().splitlines()
    ]
    assert [vote["kind"] for vote in votes] == ["real", "better"]
    assert votes[1]["chosen"].endswith(chosen) and votes[1]["versions"].keys() == {
        "one/squares/dcgan",
        "one/squares/ddpm",
    }


def test_an_answer_is_taken_once_and_other_hosts_get_none(address):
    def post(**said: Any) -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"{address}/api/vote", data=json.dumps(said).encode()) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    with urllib.request.urlopen(f"{address}/api/question?group=one/squares&kind=real") as answer:
        token = json.load(answer)["token"]
    assert post(token=token, side=2) == (400, {"error": "side=2: must be 0, the left, or 1, the right"})
    assert post(token=token, side=1)[0] == 200
    assert "answered already" in post(token=token, side=1)[1]["error"]
    stranger = urllib.request.Request(f"{address}/api/trained", headers={"Host": "example.com"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(stranger)
