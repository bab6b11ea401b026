"""What the answer says, and what it must not say."""

import numpy as np
import pytest

from gencompare.evaluation.resampling import over_seeds as over_seeds_of_scores
from gencompare.reporting.answer import Opinion, Standing, answer
from gencompare.reporting.curves import answer_by_budget, over_seeds


def say(*standings, better="lower", **more):
    return answer(standings, "fd", better, **more)


CLEAR = (
    Standing("vae", 97.3, 92.1, 102.6),
    Standing("ddpm", 41.2, 38.0, 44.9),
    Standing("gan", 208.0, 189.0, 231.0),
)


def test_the_best_is_named_with_the_next_and_both_intervals():
    said = say(*CLEAR)
    assert said.ahead == ("ddpm",)
    assert f"{said.verdict}: {said.evidence}." == (
        "ddpm is ahead, on one seed each (another seed may change the order): fd 41.2 (38.0 to 44.9) against 97.3 (92.1 to 102.6) for vae, the next; lower is better, "
        "and the intervals do not overlap."
    )


def test_the_highest_is_best_where_higher_is_better():
    assert say(*CLEAR, better="higher").ahead == ("gan",)


def test_overlapping_intervals_are_never_called_better():
    said = say(
        Standing("a", 40.0, 36.0, 44.0), Standing("b", 43.0, 39.0, 47.0), Standing("c", 80.0, 70.0, 90.0)
    )
    assert said.ahead == ("a", "b")
    assert said.verdict.startswith("a and b are ahead and cannot be told apart")
    assert "the next, c, has 80.0" in said.evidence
    all_level = say(Standing("a", 40.0, 36.0, 44.0), Standing("b", 43.0, 39.0, 47.0))
    assert all_level.verdict.startswith("a and b cannot be told apart")


def test_nobody_is_ahead_of_one_who_is_surely_worse_than_another_alone():
    """Cars of three seeds: the last is behind by the narrow interval alone and level with the four wide ones."""
    wide, narrow, next_, behind = (
        Standing("wide", 0.408, 0.215, 0.602),
        Standing("narrow", 0.439, 0.402, 0.476),
        Standing("next", 0.588, 0.517, 0.659),
        Standing("behind", 0.9, 0.8, 1.0),
    )
    said = say(behind, next_, narrow, wide, seeds=3)
    assert said.ahead == ("wide", "narrow")
    assert said.verdict == "The best may be any of wide and narrow, which cannot be told apart"
    assert said.evidence.endswith(
        "the next, next, has 0.588 (0.517 to 0.659), surely worse than narrow alone"
    )
    assert say(behind, narrow, wide, seeds=3).verdict == "wide and narrow are ahead and cannot be told apart"
    likely = {"score": {"narrow": 0.95}}
    told = say(behind, next_, narrow, wide, seeds=3, chances=likely)
    assert told.verdict == "narrow is probably ahead, though wide may be as good"


def test_who_is_probably_the_best_over_seeds_is_named_as_such():
    tied = (Standing("a", 40.0, 36.0, 44.0), Standing("b", 43.0, 39.0, 47.0))
    likely = {"score": {"a": 0.97, "b": 0.03}}
    assert say(*tied, chances=likely, seeds=3).verdict == "a is probably ahead, though b may be as good"
    assert "probably" not in say(*tied, chances=likely, seeds=1).verdict
    assert "probably" not in say(*tied, chances={"score": {"a": 0.7, "b": 0.3}}, seeds=3).verdict


def test_the_order_is_held_against_that_of_the_other_extractor():
    turned = [
        Standing("vae", 0.1, 0.09, 0.11),
        Standing("ddpm", 0.2, 0.19, 0.21),
        Standing("gan", 0.5, 0.19, 0.8),
    ]
    said = [doubt for doubt in say(*CLEAR, second=turned).doubts if doubt.startswith("By both")]
    assert said == [
        "By both extractors 1 of 3 pairs of contenders stands in the same order; 1 in the opposite one, and so is "
        "undecided (by the first, ddpm before vae); 1 is not told apart by both."
    ]
    assert not any(doubt.startswith("By both") for doubt in say(*CLEAR).doubts)


def test_touching_intervals_overlap():
    assert say(Standing("a", 1.0, 0.5, 2.0), Standing("b", 3.0, 2.0, 4.0)).ahead == ("a", "b")


def test_a_missing_interval_proves_nothing():
    assert say(Standing("a", 1.0), Standing("b", 3.0, 2.0, 4.0)).ahead == ("a", "b")


def test_the_first_place_is_that_of_the_table():
    """A contender that another's narrow interval beats is behind, even where it overlaps with the best value's."""
    wide, narrow, beaten = (
        Standing("wide", 9.0, 1.0, 17.0),
        Standing("narrow", 10.0, 9.9, 10.1),
        Standing("beaten", 12.0, 11.0, 13.0),
    )
    assert say(beaten, narrow, wide).ahead == ("wide", "narrow")


def test_failures_are_counted_and_named_and_never_win():
    said = say(*CLEAR, Standing("wgan", 1.0, 0.9, 1.1, status="diverged"), Standing("pgan", None))
    assert said.ahead == ("ddpm",)
    assert said.doubts[0] == "2 of 5 contenders are shown but not ranked: wgan diverged; pgan not scored."


def test_nobody_is_ranked_where_all_failed():
    said = say(Standing("a", 3.0, 2.0, 4.0, status="diverged"))
    assert (said.verdict, said.evidence) == ("No contender can be ranked", "")
    assert said.ahead == ()


def test_one_contender_is_not_said_to_be_ahead():
    alone = say(
        Standing("a", 3.0, 2.0, 4.0), opinions={"KID": Opinion([Standing("a", 1.0, 0.0, 2.0)], "lower")}
    )
    assert alone.verdict == "Only a can be ranked"
    assert "KID" not in " ".join(alone.doubts)


def test_costs_are_set_side_by_side_with_their_ratio():
    cheap = Standing("vae", 97.3, 92.1, 102.6, cost={"train_seconds": 60.0, "seconds_per_image": 0.002})
    dear = Standing("ddpm", 41.2, 38.0, 44.9, cost={"train_seconds": 186.0, "seconds_per_image": 0.002})
    costs = "Training took 1 min for vae and 3 min 6 s for ddpm, 3.1 times as long. One image takes 2 ms for"
    assert any(doubt.startswith(costs) for doubt in say(cheap, dear).doubts)
    assert not any("One image takes" in doubt and "1.0 times" in doubt for doubt in say(cheap, dear).doubts)


def test_with_one_seed_the_verdict_itself_says_that_another_may_change_the_order():
    assert "another seed may change the order" in say(*CLEAR).verdict
    assert say(*CLEAR, seeds=3).verdict == "ddpm is ahead"


def test_probabilities_of_being_best_are_said_with_what_they_are_over():
    chances = {"score": {"ddpm": 0.93, "vae": 0.07, "gan": 0.001}, "together": {"ddpm": 0.999, "vae": 0.001}}
    assert (
        "Probability of being the best by this score, ddpm 0.93, vae 0.07; by mean rank over the scores that all have, ddpm > 0.99 "
        "(over 3 seeds and samples)."
    ) in say(*CLEAR, seeds=3, chances=chances).doubts
    assert "one seed says nothing of other seeds" in " ".join(say(*CLEAR, chances=chances).doubts)


AGREES = Opinion((Standing("vae", 0.5, 0.4, 0.6), Standing("ddpm", 0.9, 0.8, 1.0)), "higher")
UNSURE = Opinion((Standing("vae", 0.5, 0.4, 0.6), Standing("ddpm", 0.45, 0.3, 0.6)), "higher")
CONTRADICTS = Opinion((Standing("vae", 0.95, 0.9, 1.0), Standing("ddpm", 0.6, 0.5, 0.7)), "higher")


def test_scores_agree_only_where_none_contradicts_with_disjoint_intervals():
    def said(**opinions):
        return " ".join(say(*CLEAR, opinions=opinions).doubts)

    assert "Valid squares" not in said(Coverage=AGREES)
    assert "Coverage agrees." in said(Coverage=AGREES)
    assert "Coverage agrees, and no other score contradicts." in said(Coverage=AGREES, Recall=UNSURE)
    both = said(Coverage=AGREES, Recall=CONTRADICTS)
    assert "agree" not in both
    assert "Not by every score: Recall (vae 0.950, 0.600 for ddpm) says otherwise." in both


def test_a_score_contradicts_where_anybody_behind_is_surely_better_by_it():
    wide_first = Opinion(
        (
            Standing("ddpm", 0.30, 0.28, 0.32),
            Standing("vae", 0.60, 0.10, 0.90),
            Standing("gan", 0.55, 0.53, 0.57),
        ),
        "higher",
    )
    said = " ".join(say(*CLEAR, opinions={"Coverage": AGREES, "Recall": wide_first}).doubts)
    assert "Not by every score: Recall (gan 0.550, 0.300 for ddpm) says otherwise." in said


def test_who_leads_by_one_extractor_only_is_undecided():
    turned = [Standing("ddpm", 3.0, 2.9, 3.1), Standing("vae", 1.0, 0.9, 1.1)]
    verdict = say(*CLEAR, second=turned).verdict
    assert verdict.startswith(
        "ddpm is ahead, but by one extractor only: by the other vae is better, on one seed"
    )
    assert "extractor" not in say(*CLEAR, second=[turned[1], Standing("ddpm", 0.5, 0.4, 0.6)]).verdict


def test_whom_the_other_extractor_does_not_put_behind_may_be_as_good():
    wide = [Standing("ddpm", 0.5, 0.4, 0.6), Standing("vae", 0.6, 0.5, 0.7), Standing("gan", 2.0, 1.9, 2.1)]
    assert say(*CLEAR, second=wide).verdict.startswith(
        "ddpm is ahead, though by the other extractor vae may be as good, on one seed"
    )
    assert "may be" not in say(*CLEAR, second=[wide[0], wide[2]]).verdict


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_of_equals_nobody_is_ahead_and_of_others_hardly_ever_the_wrong_one(seeds):
    """Known distributions: samples scatter by 1 a seed, seeds by 1 where there are several; 1,000 comparisons each."""
    rng = np.random.default_rng(seeds)

    def ahead(*means):
        standings = []
        for name, mean in zip("ab", means, strict=True):
            values = mean + rng.normal(0, 1, seeds) * (seeds > 1) + rng.normal(0, 1, seeds)
            value, half, _ = (float(one) for one in over_seeds_of_scores(values, np.ones(seeds)))
            standings.append(Standing(name, value, value - half, value + half))
        return say(*standings, seeds=seeds).ahead

    assert sum(len(ahead(10.0, 10.0)) == 1 for _ in range(1000)) < 50
    assert sum(ahead(10.0, 11.5) == ("b",) for _ in range(1000)) < 10


def test_the_answer_by_budget_names_the_leaders_and_who_still_improves():
    def curve(*values):
        points = [
            {"value": v, "standard_error": 0.01, "kimg": 1.0, "train_flops": 1.0, "train_seconds": 10.0 * i}
            for i, v in enumerate(values)
        ]
        return over_seeds([{"points": points, "real_images": 0.0, "noise": 2.0, "passport": {}}])

    said = answer_by_budget({"vae": curve(1.0, 0.5, 0.5, 0.5), "ddpm": curve(1.0, 0.9, 0.5, 0.2)})
    first, tied, last = said.split("; ")
    assert first.startswith("By training time, on the way to this budget: below 1") and first.endswith(
        "s, vae"
    )
    assert tied.endswith("vae and ddpm cannot be told apart")
    assert last.endswith("s, ddpm. ddpm still improves at the end: with more budget the order may change.")
    assert answer_by_budget({"vae": curve(1.0, 0.5)}) == ""


def test_being_ahead_near_noise_is_said_to_be_little():
    near_noise = say(
        Standing("a", 838.0, 830.0, 845.0),
        Standing("b", 1000.0, 990.0, 1010.0),
        real_images=112.0,
        noise=1320.0,
    )
    assert "a is nearer to noise than to real images." in " ".join(near_noise.doubts)
    near_real = say(*CLEAR, real_images=12.0, noise=600.0)
    assert near_real.evidence.endswith("(real images get 12.0, noise 600)")
    assert "nearer to noise" not in " ".join(near_real.doubts)
