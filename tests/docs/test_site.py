"""The docs build without a warning, open from a disk without a network, and name everything there is."""

from __future__ import annotations

import importlib.util
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest

from gencompare.config.contender import CHOICES
from gencompare.evaluation.kinds import KINDS
from gencompare.imagesets import IMAGE_SETS

from ..conftest import absent

PROJECT = Path(__file__).parents[2]
PAGES = {"image-sets": IMAGE_SETS, "models": CHOICES["model"], "samplers": CHOICES["sampler"]}
PAGES |= {"objectives": CHOICES["objective"]}


class Loaded(HTMLParser):
    """Collects what a page loads by itself, its ids and its code."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids.add(given.get("id"))
        if tag in {"script", "img", "iframe", "source"}:
            self.addresses.append(given.get("src") or "")
        if tag == "link" and given.get("rel") in {"stylesheet", "preconnect", "icon", "preload"}:
            self.addresses.append(given.get("href") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site. `strict` makes every warning an error."""
    if any(importlib.util.find_spec(name) is None for name in ("mkdocs", "material", "mkdocstrings")):
        absent("MkDocs (make docs installs it)")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    config = load_config(str(PROJECT / "mkdocs.yml"), strict=True, site_dir=str(folder))
    config.plugins.on_startup(command="build", dirty=False)
    build(config)
    return folder


def test_pages_load_nothing_from_any_network(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        outside = [a for a in Loaded(page.read_text()).addresses if re.match(r"(https?:)?//", a)]
        assert not outside, page.name


def test_every_page_is_in_the_navigation(site):
    start = (site / "index.html").read_text()
    for page in (PROJECT / "docs").rglob("*.md"):
        address = page.relative_to(PROJECT / "docs").with_suffix(".html").as_posix()
        assert f'href="{quote(address)}"' in start, address


@pytest.mark.parametrize("page", PAGES)
def test_everything_there_is_has_its_row(page):
    written = (PROJECT / f"docs/{page}.md").read_text()
    for name in PAGES[page]:
        assert re.search(rf"^(\| |## )`{name}`", written, re.MULTILINE), name


def test_every_score_is_explained():
    written = (PROJECT / "docs/evaluation.md").read_text()
    for kind in KINDS:
        name = "squares_<factor>_distance" if re.fullmatch(r"squares_\w+_distance", kind) else kind
        assert re.search(rf"^\|[^|]*`{name}`", written, re.MULTILINE), kind


def test_every_setting_of_every_class_is_in_the_reference_with_its_meaning(site):
    reference = (site / "configuration.html").read_text()
    ids = Loaded(reference).ids
    for section, classes in {"image_sets": IMAGE_SETS, **CHOICES}.items():
        assert {f"{section}-{name}" for name in classes} <= ids
    tables = [line for line in reference.split("<tr>") if "<td>" in line]
    assert len(tables) > 120
    for row in tables:
        setting, allowed, default, meaning = re.findall(r"<td>(.*?)</td>", row, re.DOTALL)
        assert setting and allowed and default, row
        assert meaning, f"{setting} is not explained by its class's docstring"


@pytest.mark.parametrize(
    ("section", "setting", "cells"),
    [
        ("model-unet", "dropout", ["number ≥ 0 ≤ 1", "<code>0.0</code>"]),
        ("model-r3gan", "width", ["whole number &gt; 0 a multiple of 8", "<code>32</code>"]),
        ("objective-r3gan", "r1", ["number ≥ 0", "<code>1.0</code>"]),
        ("image_sets-pandas", "strength.rotation", ["number ≥ 0 ≤ 180", "<code>15.0</code>"]),
        ("evaluation", "reference_split", ["<code>heldout</code> or <code>train</code>"]),
    ],
)
def test_the_reference_says_what_the_classes_say(site, section, setting, cells):
    part = (site / "configuration.html").read_text().split(f'id="{section}"')[1]
    row = part.split(f"<code>{setting}</code>")[1].split("</tr>")[0]
    for cell in cells:
        assert cell in row


def test_search_works_where_the_site_is_opened_from_a_disk(site, browser):
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / "howto/gpu.html").as_uri())
    page.click("input.md-search__input")
    page.keyboard.type("guidance_scale")
    page.wait_for_selector(".md-search-result__link[href*='samplers.html']", timeout=20_000)
    assert [address for address in asked if address.startswith("http")] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_of_the_front_pages_lead_somewhere(name):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (PROJECT / name).read_text()):
        assert (PROJECT / target).exists(), target
