"""The report, read by a machine and opened in a browser."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gencompare.imagesets.arrays import Images
from gencompare.reporting.report import SECTIONS, answer_of, render, report_figures

PACKAGE = Path(__file__).parents[2] / "src" / "gencompare" / "reporting"


@pytest.fixture(scope="module")
def html(contents):
    return render(contents)


@pytest.fixture(scope="module")
def report(html, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def open_page(open_report, report):
    """Open the report, once for each width and scheme."""
    return cache(lambda width=1280, scheme="light": open_report(report, width, scheme))


def test_the_same_contents_make_the_same_page(contents, html):
    assert render(contents) == html


def test_the_page_is_small_enough_to_send(html):
    assert len(html.encode()) < 8_000_000


def test_the_page_names_no_other_file(html):
    text = html.split('id="plotly"')[0]
    assert "http" not in text.replace("http-equiv", "")
    assert 'src="data:image/png;base64,' in text


def test_the_answer_leaves_the_diverged_one_out(contents):
    said = answer_of(contents)
    assert said.ahead == ("ddpm",)
    assert "1 of 3 contenders failed, shown but not ranked: dcgan (diverged)." in said.doubts
    assert "Real images against other real images get 12.4." in said.doubts


def test_a_contender_that_makes_one_image_only_has_collapsed(contents):
    one = contents.contenders[2].samples.images[:1].repeat(64, axis=0)
    collapsed = dataclasses.replace(contents.contenders[2], samples=Images(one))
    changed = dataclasses.replace(contents, contenders=[*contents.contenders[:2], collapsed])
    assert contents.failures == {"dcgan": "diverged"}
    assert changed.failures == {"dcgan": "diverged", "ddpm": "collapsed"}
    assert answer_of(changed).ahead == ("vae",)
    assert "they are all but one image" in render(changed)


def test_validation_distances_have_a_figure_of_their_own(contents):
    drawn = report_figures(contents)
    curves = {trace.name: trace.y for trace in drawn["validation_curve"].data}
    assert curves["ddpm"] == (240.0, 117.0, 66.0, 71.0)
    assert all(len(trace.y) == 1 for trace in drawn["quality_against_compute"].data)
    assert "Validation distance" in drawn["validation_curve"].layout.yaxis.title.text


def test_the_report_says_when_each_was_best_and_what_finding_out_took(contents, html):
    assert "best after 90 k images (66), last after 120 k images (71)" in html
    assert "best and last after 120 k images (124)" in html
    assert "256 samples against 1000 training images" in html
    assert "Validation time" in html


def test_without_validations_nothing_is_said_of_them(contents):
    kept = ("train_seconds", "train_flops", "kimg", "device")
    unvalidated = [
        dataclasses.replace(c, cost={key: c.cost[key] for key in kept}, outcome={})
        for c in contents.contenders
    ]
    page = render(dataclasses.replace(contents, contenders=unvalidated))
    assert "Validation" not in page.split('id="plotly"')[0]


def test_only_models_that_grew_show_how(contents, html):
    stayed = [dataclasses.replace(c, stages=None) for c in contents.contenders]
    page = render(dataclasses.replace(contents, contenders=stayed))
    assert "At each resolution" in html
    assert "At each resolution" not in page


def test_text_from_outside_cannot_become_markup(contents):
    nasty = dataclasses.replace(
        contents, question="<script>alert(1)</script>", provenance={"command": "a </script> b"}
    )
    assert "<script>alert" not in render(nasty)
    assert "a </script> b" not in render(nasty)


def test_a_contender_that_got_nowhere_is_still_shown(contents):
    empty = dataclasses.replace(
        contents.contenders[0],
        status="stopped",
        history=pd.DataFrame({"kimg": []}),
        scores={},
        cost={},
        samples=None,
        interpolation=None,
        trajectory=None,
        neighbours=None,
    )
    alone = dataclasses.replace(contents, contenders=[empty], table=contents.table.iloc[:0])
    page = render(alone)
    assert answer_of(alone).verdict == "No contender can be ranked"
    assert "No samples." in page


def test_grey_images_and_one_contender_make_a_page(contents):
    grey = dataclasses.replace(contents.contenders[1], samples=Images(np.zeros((3, 28, 28, 1), np.uint8)))
    page = render(
        dataclasses.replace(contents, contenders=[grey], heldout=Images(np.zeros((3, 28, 28, 1), np.uint8)))
    )
    assert "Only vae can be ranked" in page


def test_figures_for_the_catalog_are_those_of_the_whole_comparison(contents):
    drawn = report_figures(contents)
    assert set(drawn) == {
        "loss_curves",
        "health_curves",
        "score_bars",
        "quality_against_compute",
        "quality_against_sampling_cost",
        "validation_curve",
    }
    assert [trace.name for trace in drawn["quality_against_compute"].data] == [
        "dcgan (failed)",
        "vae",
        "ddpm",
    ]
    colours = {trace.name: trace.marker.color for trace in drawn["quality_against_compute"].data}
    losses = {trace.name: trace.line.color for trace in drawn["loss_curves"].data}
    assert losses["vae"] == colours["vae"]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_opened_offline_the_page_is_whole(open_page, width, scheme):
    page = open_page(width=width, scheme=scheme)
    for section in SECTIONS:
        assert page.locator(f"section#{section} h2").is_visible(), section
    broken = page.evaluate(
        "[...document.images].filter(i => i.src && !(i.complete && i.naturalWidth)).length"
    )
    assert broken == 0
    assert page.locator("img:not([alt])").count() == 0
    assert page.evaluate("[...document.querySelectorAll('.plot')].every(p => p.querySelector('.main-svg'))")
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    assert page.complaints == []


def test_dark_and_light_differ_in_page_and_figures(open_page):
    colours = {}
    for scheme in ("light", "dark"):
        page = open_page(scheme=scheme)
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        tick = page.evaluate("getComputedStyle(document.querySelector('.plot .xtick text')).fill")
        colours[scheme] = (background, tick)
    assert colours["light"][0] != colours["dark"][0]
    assert colours["light"][1] != colours["dark"][1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_page(open_page, scheme):
    """WCAG 2.2 AA: contrast of at least 4.5 between every text and what is behind it."""
    page = open_page(scheme=scheme)
    faint = page.evaluate((Path(__file__).parent / "contrast.js").read_text())
    assert faint == []


def test_pictures_are_enlarged_by_mouse_and_by_keyboard(open_page):
    page = open_page()
    dialog = page.locator("dialog#enlarged")
    page.locator(".picture").nth(1).click()
    assert dialog.is_visible() and dialog.locator(".title").inner_text() == "dcgan"
    page.keyboard.press("ArrowRight")
    assert dialog.locator(".title").inner_text() == "vae"
    small = page.locator(".picture img").nth(2)
    large = dialog.locator("img")
    assert large.get_attribute("alt") == small.get_attribute("alt") != ""
    assert large.bounding_box()["width"] >= 2 * small.bounding_box()["width"] - 1
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.keyboard.press("Enter")
    assert dialog.is_visible(), "the picture that was enlarged has the focus again"


def test_pixels_stay_whole(open_page):
    page = open_page()
    shown = page.evaluate(
        "[...document.querySelectorAll('#samples img')].map(i => [i.clientWidth / i.naturalWidth, getComputedStyle(i).imageRendering])"
    )
    assert all(scale == round(scale) and rendering == "pixelated" for scale, rendering in shown)


def test_the_page_prints_in_light_and_on_few_sheets(open_page):
    page = open_page(scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_timeout(100)
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert max(int(part) for part in ink.removeprefix("rgb(").rstrip(")").split(",")) < 64
    assert page.pdf(format="A4").count(b"/Type /Page\n") <= 12
    page.emulate_media(media="screen", color_scheme="dark")


def test_headings_go_down_one_step_at_a_time(open_page):
    page = open_page()
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    assert page.locator("th:not([scope])").count() == 0


def test_template_script_and_style_are_in_the_package():
    assert {path.name for path in PACKAGE.glob("*.*")} >= {
        "page.html",
        "report.html",
        "history.html",
        "report.css",
        "report.js",
    }
