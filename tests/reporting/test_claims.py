"""What becomes of a claim, and what must not be told."""

from __future__ import annotations

import dataclasses

import pytest

from gencompare.comparisons import Claim
from gencompare.evaluation.table import combined
from gencompare.reporting.answer import Standing
from gencompare.reporting.claims import CANNOT_BE_TOLD, DOES_NOT_HOLD, HOLDS, judge_equal, judge_order, judged
from gencompare.reporting.report import answer_of, render

from .conftest import FD, VALUES, changed, with_scores, with_seeds

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
    failed = Standing("broken", 1.6, 1.0, 2.2, "failed to learn")
    assert judge_order((LOW, HIGH, failed), "lower") == (
        HOLDS,
        "broken failed to learn and the intervals do not overlap",
    )
    assert judge_order((LOW, failed), "lower") == (HOLDS, "broken failed to learn")


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


def test_what_is_nearly_equal_by_one_extractor_and_surely_not_by_the_other_cannot_be_told():
    equal = (Standing("ddim", 38.0, 37.0, 39.0), Standing("ddpm", 37.0, 36.0, 38.0))
    apart = (Standing("ddim", 7.2, 7.0, 7.4), Standing("ddpm", 4.1, 4.0, 4.2))
    unclear = (Standing("ddim", 4.6, 4.0, 5.2), Standing("ddpm", 4.1, 4.0, 4.2))
    verdict, reason = judge_equal(equal, 1.15, apart)
    assert verdict == CANNOT_BE_TOLD
    assert "but by the other extractor ddim has 1.76 times as much as ddpm" in reason
    assert judge_equal(apart, 1.15, equal)[0] == CANNOT_BE_TOLD
    assert judge_equal(equal, 1.15, unclear)[0] == judge_equal(equal, 1.15, equal)[0] == HOLDS
    assert judge_equal(apart, 1.15, unclear)[0] == judge_equal(apart, 1.15, apart)[0] == DOES_NOT_HOLD


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


def test_who_did_not_run_is_not_judged(contents):
    assert judge(contents, order=["ddpm", "lsgan"]) == (CANNOT_BE_TOLD, "lsgan is not in this run.")
    assert judge(contents, fails="lsgan") == (CANNOT_BE_TOLD, "lsgan is not in this run.")


def test_who_failed_is_worse_than_everybody_who_did_not(contents):
    verdict, evidence = judge(contents, order=["ddpm", "dcgan"])
    assert verdict == HOLDS
    assert "1 of 2 contenders is shown but not ranked: dcgan diverged" in evidence
    verdict, evidence = judge(contents, order=["dcgan", "ddpm"])
    assert verdict == DOES_NOT_HOLD and "dcgan diverged, ddpm did not" in evidence
    both = changed(contents, "vae", with_seeds, status="collapsed")
    assert judge(both, order=["vae", "dcgan"])[0] == CANNOT_BE_TOLD
    assert judge(contents, equal=["dcgan", "ddpm"], within=2.0)[0] == CANNOT_BE_TOLD


def test_who_failed_and_is_surely_better_by_the_score_decides_nothing():
    collapsed, sound = Standing("plain", 2.08, 2.05, 2.11, "collapsed"), Standing("residual", 2.27, 2.2, 2.35)
    for order in ((collapsed, sound), (sound, collapsed)):
        assert judge_order(order, "lower") == (
            CANNOT_BE_TOLD,
            "plain collapsed and yet is surely better than residual by it",
        )
        assert judge_order(order, "higher")[0] == (HOLDS if order[0] is sound else DOES_NOT_HOLD)


def test_who_failed_with_one_seed_only_decides_nothing(contents):
    (well,) = contents.contenders[2].seeds
    seeds = [well, dataclasses.replace(well, status="diverged"), well]
    partly = changed(contents, "ddpm", dataclasses.replace, seeds=seeds)
    assert judge(partly, fails="ddpm")[0] == judge(partly, learns="ddpm")[0] == CANNOT_BE_TOLD
    assert judge(partly, order=["ddpm", "vae"]) == (
        CANNOT_BE_TOLD,
        "1 of 2 contenders is shown but not ranked: ddpm diverged in 1 of 3 seeds.",
    )


def test_pairs_that_the_other_extractor_turns_round_are_undecided(contents):
    about = {"better": "lower", "kind": "fd_learnt", "measures": "quality", "passport": {}}
    turned = contents
    for c, value in zip(contents.contenders, (9.0, 1.0, 5.0), strict=True):
        own = {"value": value, "low": value - 0.5, "high": value + 0.5, "standard_error": 0.25}
        turned = changed(turned, c.name, with_scores, c.scores["scores"] | {"fd_learnt_1k": own | about})
    verdict, evidence = judge(turned, order=["ddpm", "vae"])
    assert verdict == CANNOT_BE_TOLD and "vae is surely better than ddpm by the other extractor" in evidence
    assert judge(turned, order=["ddpm", "vae"], score="squares_valid")[0] == HOLDS
    assert "by one extractor only: by the other vae is better" in answer_of(turned).verdict


def test_a_score_that_is_blind_here_judges_nothing_and_turns_nothing_round(contents):
    about = {"better": "lower", "kind": "fd_learnt", "measures": "quality", "passport": {}, "blind": True}
    turned = contents
    for c, value in zip(contents.contenders, (9.0, 1.0, 5.0), strict=True):
        own = {"value": value, "low": value - 0.5, "high": value + 0.5, "standard_error": 0.25}
        turned = changed(turned, c.name, with_scores, c.scores["scores"] | {"fd_learnt_1k": own | about})
    assert judge(turned, order=["ddpm", "vae"]) == judge(contents, order=["ddpm", "vae"])
    assert judge(turned, order=["vae", "ddpm"], score="fd_learnt") == (
        CANNOT_BE_TOLD,
        "Fréchet distance, own features (fd_learnt_1k) does not tell real images from faulty ones here.",
    )
    assert answer_of(turned).verdict == answer_of(contents).verdict
    page = render(turned)
    assert "own features does not surely tell these real images from their fourfold blur" in page
    assert "sees no blur or noise here" in page


def test_a_score_that_n_is_too_small_for_judges_no_order_and_no_equality(contents):
    small = contents
    for c in contents.contenders:
        recall = next(name for name in c.scores["scores"] if name.startswith("recall"))
        scores = c.scores["scores"] | {recall: c.scores["scores"][recall] | {"biased": True}}
        small = changed(small, c.name, with_scores, scores)
    told = (CANNOT_BE_TOLD, "Recall (recall_efficientnet_lite0_1k) is biased at so few images.")
    assert judge(small, order=["ddpm", "dcgan"], score="recall") == told
    assert judge(small, equal=["ddpm", "vae"], within=2.0, score="recall") == told
    assert judge(contents, equal=["ddpm", "vae"], within=2.0, score="recall")[0] == HOLDS


def sharing(contents, of_vae, of_ddpm):
    """The same comparison, the first score of each seed of two that share their trainings."""
    settings = contents.contenders[1].settings
    for name, values in (("vae", of_vae), ("ddpm", of_ddpm)):
        c = next(c for c in contents.contenders if c.name == name)
        own = c.scores["scores"][FD]
        each = [own | {"value": v, "low": v - 2, "high": v + 2, "standard_error": 1.0} for v in values]
        (seed,) = c.seeds
        contents = changed(
            contents,
            name,
            dataclasses.replace,
            settings={**settings, "contender": name, "sampler.name": name},
            seeds=[dataclasses.replace(seed, scores=seed.scores | {FD: one}) for one in each],
            scores=combined([{"scores": {FD: one}} for one in each]),
        )
    return contents


def test_who_shares_trainings_is_judged_by_each_seeds_difference(contents):
    # seeds scatter farther than the two differ
    apart = sharing(contents, (48.5, 72.0, 95.5), (40.0, 60.0, 80.0))
    verdict, evidence = judge(apart, order=["ddpm", "vae"])
    assert verdict == HOLDS
    assert "the differences seed by seed say so; ddpm and vae share their trainings" in evidence
    assert "probability" not in evidence
    assert judge(apart, order=["vae", "ddpm"])[0] == DOES_NOT_HOLD
    crossed = sharing(contents, (50.0, 70.0, 90.0), (40.0, 75.0, 79.0))
    verdict, evidence = judge(crossed, order=["ddpm", "vae"])
    assert verdict == CANNOT_BE_TOLD
    assert "the differences seed by seed leave open which of ddpm and vae is better" in evidence
    assert judge(apart, equal=["ddpm", "vae"], within=1.5)[0] == HOLDS
    assert judge(apart, equal=["ddpm", "vae"], within=1.05)[0] == DOES_NOT_HOLD
    assert judge(apart, equal=["ddpm", "vae"], within=1.2)[0] == CANNOT_BE_TOLD
    other = changed(apart, "vae", dataclasses.replace, settings={"model.name": "other"})
    assert judge(other, order=["ddpm", "vae"])[0] == CANNOT_BE_TOLD


def test_samples_that_failed_say_nothing_of_reconstructions(contents):
    error = {
        "better": "lower",
        "kind": "reconstruction_error",
        "measures": "reconstruction",
        "passport": {},
        "standard_error": 0.001,
    }
    blurred = contents
    for c, value in zip(contents.contenders, (0.03, 0.02, 0.01), strict=True):
        ends = {"value": value, "low": value - 0.002, "high": value + 0.002}
        blurred = changed(
            blurred, c.name, with_scores, c.scores["scores"] | {"reconstruction_error": error | ends}
        )
    assert judge(blurred, order=["vae", "dcgan"], score="reconstruction_error")[0] == HOLDS
    assert judge(blurred, order=["dcgan", "vae"], score="reconstruction_error")[0] == DOES_NOT_HOLD


def test_who_failed_fails_and_who_did_not_learns(contents):
    assert judge(contents, fails="dcgan")[0] == HOLDS
    assert judge(contents, learns="dcgan")[0] == DOES_NOT_HOLD
    assert judge(contents, learns="dcgan")[1].startswith("dcgan diverged")
    assert judge(contents, learns="ddpm")[0] == HOLDS
    assert judge(contents, fails="ddpm")[0] == DOES_NOT_HOLD
    assert "41.2 (38.0 to 44.9)" in judge(contents, learns="ddpm")[1]


def test_why_somebody_did_not_learn_is_said(contents):
    _, low, high = VALUES["noise"][FD]
    own = contents.contenders[1].scores["scores"]
    noisy = own | {FD: own[FD] | {"value": (low + high) / 2, "low": low, "high": high}}
    verdict, evidence = judge(changed(contents, "vae", with_scores, noisy), fails="vae")
    assert verdict == HOLDS
    assert "vae failed to learn: by " in evidence and "no better than noise" in evidence


def test_without_scores_nothing_is_told(contents):
    bare = changed(contents, "vae", with_scores, {})
    assert judge(bare, learns="vae")[0] == CANNOT_BE_TOLD
    assert judge(bare, order=["ddpm", "vae"])[0] == CANNOT_BE_TOLD


def test_over_several_seeds_no_other_seed_is_warned_of(contents):
    several = contents
    for c in contents.contenders:
        scores = {name: one | {"seeds": 3} for name, one in c.scores["scores"].items()}
        several = changed(
            several, c.name, dataclasses.replace, scores={"scores": scores}, seeds=[*c.seeds] * 3
        )
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
