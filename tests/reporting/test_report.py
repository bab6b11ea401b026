"""The report, read by a machine and opened in a browser."""

from __future__ import annotations

import dataclasses
import html as html_lib
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gencompare.evaluation.kinds import KINDS
from gencompare.imagesets.arrays import Images
from gencompare.reporting.contents import SeedReport
from gencompare.reporting.curves import over_seeds
from gencompare.reporting.report import SECTIONS, answer_of, copies, render, report_figures, summary_of
from gencompare.reporting.summary import latex, markdown, terminal

from .conftest import FD, VALID, VALUES, changed, curve, with_scores, with_seeds


def statuses(contents):
    return {name: failure.status for name, failure in contents.failures.items()}


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
    assert said.doubts[0] == "1 of 3 contenders is shown but not ranked: dcgan diverged."
    assert "(real images get 12.4, noise 612)" in said.evidence


def test_a_contender_that_makes_one_image_only_has_collapsed(contents):
    alike = changed(contents, "ddpm", with_seeds, variety=0.5)
    assert statuses(contents) == {"dcgan": "diverged"}
    assert statuses(alike) == {"dcgan": "diverged", "ddpm": "collapsed"}
    assert answer_of(alike).ahead == ("vae",)
    assert "they are nearly one image" in render(alike)
    real = contents.heldout.images.std(axis=0).mean()
    for share, failed in ((0.25, True), (0.6, False)):
        assert ("ddpm" in changed(contents, "ddpm", with_seeds, variety=share * real).failures) is failed


def test_who_failed_with_some_seeds_is_not_ranked_and_says_with_how_many(contents):
    (well,) = contents.contenders[2].seeds
    _, low, high = VALUES["noise"][FD]
    like_noise = {"value": (low + high) / 2, "low": low, "high": high}
    noisy = dataclasses.replace(well, scores=well.scores | {FD: well.scores[FD] | like_noise})
    partly = changed(contents, "ddpm", dataclasses.replace, seeds=[well, noisy, well])
    assert partly.failures["ddpm"].status == "failed to learn in 1 of 3 seeds"
    assert not partly.failures["ddpm"].always
    assert "no better than noise" in partly.failures["ddpm"].why
    mixed = changed(
        contents, "ddpm", dataclasses.replace, seeds=[noisy, dataclasses.replace(well, status="diverged")]
    )
    assert mixed.failures["ddpm"].status == "failed" and mixed.failures["ddpm"].always
    assert "ddpm failed to learn in 1 of 3 seeds" in render(partly)


def test_who_is_no_better_than_untrained_failed_to_learn(contents):
    vae = contents.contenders[1]
    flat = over_seeds([curve("vae", vae.cost, (1.0, 1.0, 1.01, 1.0))])
    idle = changed(changed(contents, "vae", dataclasses.replace, curve=flat), "vae", with_seeds, curve=flat)
    assert statuses(contents) == {"dcgan": "diverged"}
    assert statuses(idle)["vae"] == "failed to learn"
    page = render(idle)
    assert "vae failed to learn at this budget" in page
    assert "no better than those it made before any training" in page
    assert "Its curve is flat at the end" in page


def test_one_that_never_moved_failed_to_learn_even_where_its_history_says_collapsed(contents):
    vae = contents.contenders[1]
    still = over_seeds([curve("vae", vae.cost, (1.0, 0.98, 0.97, 0.97))])
    moved = changed(contents, "vae", with_seeds, status="collapsed", evidence="All fakes were alike.")
    assert statuses(moved)["vae"] == "collapsed"
    assert "All fakes were alike." in render(moved)
    assert statuses(changed(moved, "vae", with_seeds, curve=still))["vae"] == "failed to learn"


def scored(contents, name, score, value, low, high):
    """The same comparison with another score of one contender."""
    own = next(c for c in contents.contenders if c.name == name).scores["scores"]
    one = own[score] | {"value": value, "low": low, "high": high, "standard_error": (high - low) / 4}
    return changed(contents, name, with_scores, own | {score: one})


def test_who_is_no_better_than_noise_or_makes_no_square_failed_to_learn(contents):
    noisy = scored(contents, "vae", FD, 600.0, 580.0, 620.0)
    assert "no better than noise, 612" in noisy.failures["vae"].why
    squareless = scored(contents, "vae", VALID, 0.0, 0.0, 0.004)
    assert squareless.failures["vae"].why == "None of its samples is a valid square."
    nearly = scored(
        contents, "vae", VALID, 0.001, 0.0002, 0.0056
    )  # one of 1,000, where noise's may be one of 100
    assert nearly.failures["vae"].why == "By squares_valid, 0.00100, its samples are no better than noise, 0."
    assert statuses(scored(contents, "vae", VALID, 0.03, 0.021, 0.042)) == statuses(contents)
    assert answer_of(squareless).ahead == ("ddpm",)
    assert "By training time" not in render(squareless)  # ddpm alone is left


def test_a_score_that_n_is_too_small_for_is_shown_with_a_warning_and_decides_nothing(contents):
    plain = answer_of(contents)
    assert "Too few images" not in render(contents)
    for each in contents.contenders:
        scores = each.scores["scores"]
        small = scores | {VALID: scores[VALID] | {"biased": True}}
        contents = changed(contents, each.name, with_scores, small)
    assert "Too few images (n = 1,000) for Valid squares" in render(contents)
    assert any("Too few images" in line for line in summary_of(contents).said)
    title = "Valid squares"
    assert any(title in doubt for doubt in plain.doubts)
    assert not any(title in doubt for doubt in answer_of(contents).doubts)


@pytest.mark.parametrize(
    ("labelled", "said"),
    [
        ([], "the same seed: none"),
        (["dcgan", "vae", "ddpm"], "the same seed and the same labels: none"),
        (["vae"], "the same seed and, of those that have labels, the same ones: none"),
    ],
)
def test_the_same_labels_are_said_of_samples_that_have_some(contents, labelled, said):
    heldout = Images(contents.heldout.images, np.zeros(len(contents.heldout), np.int64))
    contents = dataclasses.replace(contents, heldout=heldout)
    for name in labelled:
        contents = changed(contents, name, with_labels)
    assert said in render(contents)


def with_labels(contender):
    images = contender.samples.images
    return dataclasses.replace(contender, samples=Images(images, np.zeros(len(images), np.int64)))


@pytest.mark.parametrize(("shares", "caught"), [((0.4, 0.37, 0.43), True), ((0.03, 0.01, 0.05), False)])
def test_who_copies_is_caught_and_who_is_as_near_as_real_images_is_not(contents, shares, caught):
    name = "memorised_pixels_1k"
    about = {"better": "lower", "kind": "memorised", "measures": "memorisation", "passport": {}}
    for each in contents.contenders:
        value, low, high = shares if each.name == "vae" else (0.0, 0.0, 0.0)
        scores = each.scores["scores"] | {name: {"value": value, "low": low, "high": high} | about}
        contents = changed(contents, each.name, with_scores, scores)
    table = contents.table.assign(**{name: 0.01, f"{name}_low": 0.004, f"{name}_high": 0.018})
    contents = dataclasses.replace(contents, table=table)
    said = copies(contents)
    assert copies(changed(contents, "vae", with_seeds, status="collapsed")) == ""
    assert "training images" not in answer_of(contents).verdict  # the leader is another
    alone = dataclasses.replace(contents, contenders=[c for c in contents.contenders if c.name != "ddpm"])
    assert answer_of(alone).verdict.endswith(", but vae copies training images") == caught
    assert said == (
        "Copies training images: 40% of the samples of vae stand out as near to one (real images: 1%)."
        if caught
        else ""
    )


def test_the_answer_by_budget_and_what_was_equal_are_said(html):
    said = html_lib.unescape(html)
    assert "on the way to this budget: below" in said and "ddpm still improves at the end" in said
    assert "Equal between contenders: images seen." in said
    assert "Not equal: training time, 42 s (dcgan) to 10 min 3 s (ddpm)" in said


def test_it_says_how_to_make_it_again_from_a_clone(html):
    block = html_lib.unescape(html.split('<h2 id="reproduce-title"')[1].split("<pre")[1].split("</pre>")[0])
    assert block.endswith(
        "<code>git checkout c95aa68c95aa\nmake .venv/ready\n.venv/bin/kedro run --pipeline=gan_compare</code>"
    )


def test_curves_say_what_they_were_measured_on(html):
    said = html_lib.unescape(html)
    assert (
        "efficientnet_lite0, against 1000 training images; samples: 192 of dcgan and vae, 64 of ddpm" in said
    )


def test_without_curves_nothing_is_said_of_them(contents):
    for name in ("dcgan", "vae", "ddpm"):
        contents = changed(contents, name, dataclasses.replace, curve=None, curve_samples=None)
    page = render(contents)
    assert "No contender's training was validated." in html_lib.unescape(page)
    assert "By training time" not in page.split('id="plotly"')[0]


def test_the_table_for_people_is_the_one_of_the_page(contents):
    table = summary_of(contents)
    assert table.said[0].startswith("ddpm is ahead, on one seed each (another seed may change the order): ")
    text = markdown(table)
    assert text.splitlines()[0] == "|  | Fréchet distance ↓ | Valid squares ↑ | Training | An image |"
    assert "| ddpm | 41 ± 4 | 0.91 ± 0.02 | 10 min 3 s | 45 ms |" in text
    assert "| dcgan (failed) |" in text
    assert r"vae & 97 $\pm$ 5 & 0.62 $\pm$ 0.04 & 3 min 12 s & 1.5 ms \\" in latex(table)
    shown = terminal(table)
    assert "ddpm is ahead" in shown and "41 ± 4" in shown
    assert max(map(len, shown.splitlines())) <= 130


def test_only_models_that_grew_show_how(contents, html):
    stayed = [dataclasses.replace(c, stages=None) for c in contents.contenders]
    page = render(dataclasses.replace(contents, contenders=stayed))
    assert "At each stage of training" in html
    assert "At each stage of training" not in page


def test_text_from_outside_cannot_become_markup(contents):
    nasty = dataclasses.replace(
        contents, question="<script>alert(1)</script>", provenance={"command": "a </script> b"}
    )
    assert "<script>alert" not in render(nasty)
    assert "a </script> b" not in render(nasty)


def test_a_contender_that_got_nowhere_is_still_shown(contents):
    empty = dataclasses.replace(
        contents.contenders[0],
        seeds=[SeedReport("stopped")],
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
        "quality_curves",
        "pareto",
    }
    assert {trace.name for trace in drawn["pareto"].data} == {"dcgan (failed)", "<b>vae</b>", "<b>ddpm</b>"}
    colours = {trace.meta["contender"]: trace.marker.color for trace in drawn["pareto"].data}
    losses = {trace.name: trace.line.color for trace in drawn["loss_curves"].data}
    assert losses["vae"] == colours["vae"]


@pytest.mark.parametrize(
    ("width", "scheme"), [(1400, "light"), (1280, "dark"), (1024, "light"), (400, "light"), (390, "light")]
)
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
    assert clipped(page) == []
    assert page.complaints == []


CLIPPED = """() => {
  const end = document.querySelector('main').getBoundingClientRect().right;
  return [...document.querySelectorAll('main *, header *')].filter(part => {
    if (part.closest('.plot, .window, .skip, pre, thead, fieldset') || !part.checkVisibility()) return false;
    const box = part.getBoundingClientRect();
    return box.right > end + 1 || (box.width && part.clientWidth && part.scrollWidth > part.clientWidth + 1);
  }).map(part => part.outerHTML.slice(0, 120));
}"""


def clipped(page):
    """Everything, folded parts unfolded, that sticks out of the page's column or of its own box."""
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    return page.evaluate(CLIPPED)


def test_printed_nothing_is_clipped(open_report, report):
    page = open_report(report, 690)  # A4 between margins of 14 mm, at 96 dots an inch
    page.emulate_media(media="print")
    assert clipped(page) == []


@pytest.fixture(scope="module")
def wide(contents, tmp_path_factory):
    """The widest report there is: ten scores with long numbers, eight contenders with long names."""
    kinds = (
        "kid",
        "coverage",
        "memorised",
        "precision",
        "density",
        "squares_coverage",
        "squares_side_distance",
    )
    more = {
        f"{kind}_efficientnet_lite0_10k": {
            "value": -0.00031,
            "low": -0.00082,
            "high": 0.0002,
            "kind": kind,
            "better": KINDS[kind].better,
            "measures": KINDS[kind].measures,
            "passport": {},
        }
        for kind in kinds
    }
    ends = {"": "value", "_low": "low", "_high": "high"}
    table = contents.table.assign(
        **{name + end: one[key] for name, one in more.items() for end, key in ends.items()}
    )
    contenders = [
        dataclasses.replace(
            c,
            name=name,
            scores={"scores": c.scores["scores"] | more},
            settings=c.settings | {"training.lr": 0.0001 * place},
        )
        for place, name in enumerate(
            (
                "conditional_progressive_gan",
                "dcgan_residual_generator",
                "advanced_residual_both",
                "vae_annealed",
                "ddpm",
            )
        )
        for c in [contents.contenders[place % 3]]
    ]
    path = tmp_path_factory.mktemp("wide") / "report.html"
    path.write_text(
        render(dataclasses.replace(contents, contenders=contenders, table=table)), encoding="utf-8"
    )
    return path


@pytest.mark.parametrize("width", [1400, 1024, 700, 400])
def test_many_scores_and_long_names_are_not_clipped(open_report, wide, width):
    page = open_report(wide, width)
    assert clipped(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_many_scores_and_long_names_are_not_clipped_in_print(open_report, wide):
    page = open_report(wide, 690)
    page.emulate_media(media="print")
    assert clipped(page) == []


def test_the_table_sorts_by_any_score_and_back(open_report, report):
    page = open_report(report)
    heading = page.locator("table.headline thead th").nth(1)
    names = "[...document.querySelectorAll('table.headline tbody th .name')].map(name => name.textContent)"
    heading.locator("button").click()
    assert page.evaluate(names) == ["ddpm", "vae", "dcgan"]
    heading.locator("button").click()
    assert page.evaluate(names) == ["dcgan", "vae", "ddpm"]
    assert heading.get_attribute("aria-sort") == "descending"


def test_a_contender_that_is_hidden_is_hidden_everywhere(open_report, report):
    page = open_report(report)
    page.locator(".chips input[value=vae]").uncheck()
    assert page.locator("[data-contender=vae]:visible").count() == 0
    assert page.locator("table.headline tr[data-contender=ddpm]").is_visible()
    seen = "document.querySelector('#quality .plot').data.filter(t => t.name).map(t => [t.name, t.visible !== false])"
    assert page.evaluate(seen) == [["dcgan", True], ["vae", False], ["ddpm", True]]
    page.locator(".chips input[value=vae]").check()
    assert page.locator("table.headline tr[data-contender=vae]").is_visible()


def test_one_slider_moves_the_samples_of_all(open_report, report):
    page = open_report(report)
    page.locator("#point").fill("0")
    assert page.locator(".scrub output").inner_text() == "untrained"
    whens = page.locator(".when").all_inner_texts()
    assert whens == ["untrained: 1", "untrained: 1", "untrained: 1.5"]
    page.locator("#point").fill("2")
    assert page.locator(".when").all_inner_texts()[2] == "after 5 min 2 s: 0.24"
    tops = page.evaluate(
        "[...document.querySelectorAll('.window')].map(w => (w.getBoundingClientRect().top - w.firstElementChild.getBoundingClientRect().top) / w.clientHeight)"
    )
    assert tops == pytest.approx([2.0, 2.0, 2.0], abs=0.02)


def test_a_point_under_the_pointer_shows_its_samples(open_report, report):
    page = open_report(report)
    page.locator("#quality").scroll_into_view_if_needed()
    page.locator("#quality .scatterlayer .trace .points path").first.hover(force=True)
    page.wait_for_function("document.querySelector('.scrub output').innerText === 'untrained'")
    assert page.locator(".scrub output").inner_text() == "untrained"


def test_quality_is_drawn_against_images_or_operations_too(open_report, report):
    page = open_report(report)
    title = "document.querySelector('#quality .plot').layout.xaxis.title.text"
    assert page.evaluate(title) == "training time"
    page.locator(".switch button[data-axis=kimg]").click()
    assert page.evaluate(title) == "images seen in training"
    across = page.evaluate("document.querySelector('#quality .plot').data.find(t => t.name === 'ddpm').x")
    assert across == [15.0, 30.0, 60.0, 120.0]


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
    is_dark = "getComputedStyle({}).{}.match(/\\d+/g).slice(0, 3).every((part) => part < 64)"
    assert page.evaluate(is_dark.format("document.body", "color"))
    page.wait_for_function(is_dark.format("document.querySelector('.plot .xtick text')", "fill"))
    assert page.pdf(format="A4").count(b"/Type /Page\n") <= 14  # folded parts are printed unfolded
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
