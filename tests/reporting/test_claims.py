"""What becomes of a claim, and what must not be told."""

from __future__ import annotations

import dataclasses

import pytest

from gencompare.comparisons import Claim
from gencompare.reporting.answer import Standing
from gencompare.reporting.claims import CANNOT_BE_TOLD, DOES_NOT_HOLD, HOLDS, judge_equal, judge_order, judged
from gencompare.reporting.report import render

from .conftest import FD, VALUES

LOW, HIGH = Standing("low", 1.0, 0.8, 1.2), Standing("high", 2.0, 1.8, 2.2)
WIDE = Standing("wide", 1.5, 0.9, 2.1)


@pytest.mark.parametrize(
    ("standings", "better", "verdict"),
    [
        ((LOW, HIGH), "lower", HOLDS),
        ((HIGH, LOW), "lower", DOES_NOT_HOLD),
        ((HIGH, LOW), "higher", HOLDS),
        ((LOW, WIDE), "lower", CANNOT_BE_TOLD),
        ((WIDE, LOW), "lower", CANNOT_BE_TOLD),
        ((LOW, WIDE, HIGH), "lower", CANNOT_BE_TOLD),
        (
            (HIGH, WIDE, LOW),
            "lower",
            DOES_NOT_HOLD,
        ),  # the first and the last decide where the middle does not
        ((LOW, Standing("alone", 2.0)), "lower", CANNOT_BE_TOLD),
    ],
)
def test_disjoint_intervals_decide_an_order(standings, better, verdict):
    assert judge_order(standings, better)[0] == verdict


def test_an_order_is_judged_with_who_overlaps_or_stands_otherwise():
    assert judge_order((LOW, WIDE, HIGH), "lower")[1] == (
        "the intervals of low and wide, of wide and high overlap"
    )
    assert judge_order((HIGH, LOW), "lower")[1] == "low is surely better than high"


def around(name, value, half):
    return Standing(name, value, value - half, value + half)


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ((100.0, 1.0), (110.0, 1.0), HOLDS),  # 112.1 at most against 113.9
        ((110.0, 1.0), (100.0, 1.0), HOLDS),
        ((100.0, 1.0), (120.0, 1.0), DOES_NOT_HOLD),
        ((120.0, 1.0), (100.0, 1.0), DOES_NOT_HOLD),
        ((100.0, 5.0), (110.0, 5.0), CANNOT_BE_TOLD),
        ((0.0, 0.001), (0.001, 0.002), CANNOT_BE_TOLD),
        ((0.0, 0.001), (0.1, 0.01), DOES_NOT_HOLD),
        ((-0.002, 0.001), (-0.001, 0.0001), CANNOT_BE_TOLD),
    ],
)
def test_whole_intervals_decide_whether_scores_are_nearly_equal(one, other, verdict):
    assert judge_equal((around("a", *one), around("b", *other)), 1.15)[0] == verdict


def test_nearly_equal_names_the_one_with_more_and_how_many_times_it_is():
    ddim, ddpm = Standing("ddim", 38.0, 36.0, 40.0), Standing("ddpm", 35.0, 32.0, 37.0)
    assert judge_equal((ddpm, ddim), 1.15)[1] == (
        "ddim has 1.09 times as much as ddpm (0.973 to 1.25), expected at most 1.15 times"
    )
    zero = Standing("zero", 0.0, -0.1, 0.1)
    assert "the interval of zero reaches 0" in judge_equal((ddpm, zero), 1.15)[1]
    assert judge_equal((ddpm, Standing("alone", 35.0)), 1.15) == (
        CANNOT_BE_TOLD,
        "not every interval is known",
    )


def judge(contents, **claim):
    claimed = dataclasses.replace(contents, claims=[Claim(says="It is so", **claim)])
    (verdict,) = judged(claimed)
    return verdict.verdict, verdict.evidence


def test_an_order_is_judged_by_the_score_of_the_answer_with_its_numbers(contents):
    assert judge(contents, order=["ddpm", "vae"]) == (
        HOLDS,
        f"Fréchet distance ({FD}) 41.2 (38.0 to 44.9) for ddpm and 97.3 (92.1 to 102.6) for vae; lower is better, and the "
        "intervals do not overlap; the order is so with probability > 0.99, over samples alone; on one seed each "
        "(another seed may change it).",
    )
    assert judge(contents, order=["vae", "ddpm"])[0] == DOES_NOT_HOLD


def test_another_score_judges_where_it_is_named(contents):
    verdict, evidence = judge(contents, order=["ddpm", "vae"], score="recall")
    assert verdict == CANNOT_BE_TOLD
    assert "Recall" in evidence and "the intervals of ddpm and vae overlap" in evidence
    assert "another seed" not in evidence
    assert judge(contents, order=["ddpm", "vae"], score="squares_valid")[0] == HOLDS
    assert judge(contents, order=["ddpm", "vae"], score="fid") == (
        CANNOT_BE_TOLD,
        "there is no score fid in this run.",
    )


def test_who_failed_or_did_not_run_is_not_judged_by_scores(contents):
    assert judge(contents, order=["ddpm", "dcgan"]) == (
        CANNOT_BE_TOLD,
        "1 of 2 contenders is shown but not ranked: dcgan diverged.",
    )
    assert judge(contents, order=["ddpm", "lsgan"]) == (CANNOT_BE_TOLD, "lsgan is not in this run.")
    assert judge(contents, fails="lsgan") == (CANNOT_BE_TOLD, "lsgan is not in this run.")


def test_who_failed_fails_and_who_did_not_learns(contents):
    assert judge(contents, fails="dcgan")[0] == HOLDS
    assert judge(contents, learns="dcgan")[0] == DOES_NOT_HOLD
    assert judge(contents, learns="dcgan")[1].startswith("dcgan diverged")
    assert judge(contents, learns="ddpm")[0] == HOLDS
    assert judge(contents, fails="ddpm")[0] == DOES_NOT_HOLD
    assert "41.2 (38.0 to 44.9)" in judge(contents, learns="ddpm")[1]


def replaced(contents, name, **changes):
    contenders = [dataclasses.replace(c, **changes) if c.name == name else c for c in contents.contenders]
    return dataclasses.replace(contents, contenders=contenders)


def test_why_somebody_did_not_learn_is_said(contents):
    _, low, high = VALUES["noise"][FD]
    own = contents.contenders[1].scores["scores"]
    noisy = {"scores": own | {FD: own[FD] | {"value": (low + high) / 2}}}
    verdict, evidence = judge(replaced(contents, "vae", scores=noisy), fails="vae")
    assert verdict == HOLDS
    assert "vae failed to learn: by " in evidence and "no better than noise" in evidence


def test_without_scores_nothing_is_told(contents):
    bare = replaced(contents, "vae", scores={}, scores_by_seed=())
    assert judge(bare, learns="vae")[0] == CANNOT_BE_TOLD
    assert judge(bare, order=["ddpm", "vae"])[0] == CANNOT_BE_TOLD


def test_over_several_seeds_no_other_seed_is_warned_of(contents):
    several = contents
    for c in contents.contenders:
        scores = {name: one | {"seeds": 3} for name, one in c.scores["scores"].items()}
        several = replaced(several, c.name, scores={"scores": scores}, scores_by_seed=c.scores_by_seed * 3)
    verdict, evidence = judge(several, order=["ddpm", "vae"])
    assert verdict == HOLDS
    assert "another seed" not in evidence and "over seeds and samples" in evidence


def test_on_another_image_set_it_is_said_what_the_claim_was_about(contents):
    elsewhere = dataclasses.replace(contents, claims_about="cub200")
    assert judge(elsewhere, order=["ddpm", "vae"])[1].endswith(
        "; it was said of cub200 and is judged on squares."
    )
    assert "said of" not in judge(dataclasses.replace(contents, claims_about="squares"), fails="dcgan")[1]


def test_the_page_shows_every_claim_with_its_verdict(contents):
    claims = [
        Claim(says="Diffusion beats <VAEs>", order=["ddpm", "vae"]),
        Claim(says="A DCGAN learns", learns="dcgan"),
    ]
    page = render(dataclasses.replace(contents, claims=claims))
    section = page.split('id="claims-title"')[1].split("</section>")[0]
    assert section.count("<tr>") == 3
    assert "Diffusion beats &lt;VAEs&gt;" in section
    assert f"<b>{HOLDS}</b>" in section and f"<b>{DOES_NOT_HOLD}</b>" in section
    assert "would be judged here" in render(contents)
