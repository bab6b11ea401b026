"""What curves say: who has learnt, who still improves, and who leads at which budget."""

import pytest

from gencompare.reporting.curves import Span, by_budget, fewer, over_seeds


def found(values, seconds=None, error=0.01, noise=2.0):
    seconds = seconds or [0.0, *(2.0**i for i in range(len(values) - 1))]
    return {
        "points": [
            {"value": v, "standard_error": error, "train_seconds": s, "train_flops": 10 * s, "kimg": s / 10}
            for v, s in zip(values, seconds, strict=True)
        ],
        "real_images": 0.0,
        "noise": noise,
        "passport": {"n": 192},
    }


def curve(values, **more):
    return over_seeds([found(values, **more)])


def test_one_seed_keeps_the_interval_of_its_samples():
    one = curve([1.0, 0.5])
    assert one.values == [1.0, 0.5]
    assert one.highs[1] == pytest.approx(0.5 + 1.96 * 0.01, rel=1e-3)


def test_seeds_give_students_interval_and_mean_costs():
    two = over_seeds([found([1.0, 0.4], seconds=[0, 10.0]), found([1.0, 0.6], seconds=[0, 20.0])])
    assert two.values[1] == pytest.approx(0.5) and two.spent["train_seconds"][1] == 15.0
    assert two.highs[1] - 0.5 == pytest.approx(12.706 * 0.1, rel=1e-3)  # t(1) times 0.1414 / sqrt(2)


def test_a_seed_without_a_curve_leaves_none():
    assert over_seeds([found([1.0]), {}]) is None
    assert over_seeds([{}]) is None


def test_seeds_are_compared_as_far_as_all_go():
    assert len(over_seeds([found([1.0, 0.5, 0.4]), found([1.0, 0.5])]).values) == 2


def test_who_stays_as_it_was_has_not_learnt():
    assert not curve([1.0, 1.0, 1.0], error=0.0).learnt
    assert not curve([1.0, 1.3, 1.2]).learnt
    assert not curve([1.0, 1.3, 0.95]).learnt
    assert curve([1.0, 1.3, 0.8]).learnt


def test_only_a_sure_fall_at_the_end_still_falls():
    assert curve([1.0, 0.5, 0.3]).still_falls
    assert not curve([1.0, 0.5, 0.49]).still_falls
    assert not curve([1.0, 0.5, 0.3], error=0.2).still_falls
    assert "more budget" in curve([1.0, 0.5, 0.3]).advice
    assert "setting" in curve([1.0, 0.5, 0.5]).advice


def test_seeds_that_lie_apart_still_fall_where_each_of_them_does_and_not_where_one_rises():
    falling = [[1.0, high, high - 0.2] for high in (0.4, 0.6, 0.8)]
    assert over_seeds([found(values) for values in falling]).still_falls
    # means fall by 0.2 with an error of 0.07, which three seeds leave too open
    mixed = [[1.0, 0.5, 0.5 - fall] for fall in (0.1, 0.15, 0.35)]
    three = over_seeds([found(values) for values in mixed])
    assert not three.still_falls
    assert three.last_fall == pytest.approx((0.2, 4.302653 * 0.1322876 / 3**0.5), rel=1e-5)


def test_a_curve_that_got_worse_is_not_called_flat():
    worse = curve([1.0, 0.5, 0.3, 0.45])
    assert worse.got_worse and "got worse" in worse.advice and "after 2 s" in worse.advice
    assert not curve([1.0, 0.5, 0.3, 0.31]).got_worse
    assert not curve([1.0, 0.5, 0.3, 0.45], error=0.2).got_worse
    assert not curve([1.0, 0.5, 0.3]).got_worse
    assert not curve([0.3, 0.5]).got_worse  # worse than untrained is another matter
    assert not curve([1.0, 0.5, 0.3, 0.45], error=0.05).got_worse  # the best of several is the luckiest, too


def test_the_leader_changes_where_the_curves_cross():
    quick = curve([1.0, 0.5, 0.5, 0.5, 0.5])
    slow = curve([1.0, 0.9, 0.7, 0.3, 0.1])
    first, tied, last = by_budget({"quick": quick, "slow": slow})
    assert (first.leaders, tied.leaders, last.leaders) == (("quick",), ("quick", "slow"), ("slow",))
    assert 2.0 < first.end < tied.start < tied.end < last.start < 4.0  # they cross between points 2 and 3
    assert last.end == pytest.approx(8.0)


def test_nobody_leads_who_is_no_better_than_noise_or_untrained():
    spans = by_budget({"a": curve([1.0, 3.0, 0.5]), "b": curve([1.0, 1.5, 1.2])})
    assert spans[0].leaders == () and spans[-1].leaders == ("a",)


def test_a_start_worse_than_others_is_no_lead():
    late = curve([1.8, 0.95, 0.95])  # better than its own untrained weights, no better than the other's
    spans = by_budget({"late": late, "better": curve([1.0, 1.0, 0.3])})
    assert spans[0].leaders == () and spans[-1].leaders == ("better",)


def test_a_contender_counts_from_its_first_point_and_after_its_last():
    short = curve([1.0, 0.2, 0.2], seconds=[0, 1.0, 2.0])
    long = curve([1.0, 0.5, 0.4], seconds=[0, 4.0, 8.0])
    assert [span.leaders for span in by_budget({"short": short, "long": long})] == [("short",)]


def test_few_seeds_with_wide_intervals_are_not_called_a_failure():
    two = over_seeds([found([1.0, 0.9, 0.50]), found([1.0, 1.1, 0.62])])
    assert two.highs[-1] > 1.0  # Student's, of two
    assert two.learnt
    assert by_budget({"a": two})[-1].leaders == ("a",)


def test_few_changes_of_the_lead_are_told_and_who_takes_turns_is_not_told_apart():
    spans = [
        Span(1.0, 8.0, ("vae",)),
        Span(8.2, 8.4, ("gan",)),
        Span(8.6, 10.0, ("vae",)),
        Span(10.5, 80.0, ("ddpm", "vae")),
        Span(82.0, 800.0, ("ddpm",)),
    ]
    assert fewer(spans, most=5) == spans
    told = fewer(spans, most=4)  # gan and vae take turns from 8.2 to 10 s
    assert [span.leaders for span in told] == [("vae",), ("gan", "vae"), ("ddpm", "vae"), ("ddpm",)]
    assert (told[1].start, told[1].end) == (8.2, 10.0)
    assert [span.leaders for span in fewer(spans, most=1)] == [("vae", "gan", "ddpm")]


def test_a_moment_in_which_somebody_leads_is_not_told_where_nobody_does_before_and_after():
    spans = [Span(1.0, 5.0, ()), Span(5.1, 5.5, ("gan",)), Span(5.6, 12.0, ()), Span(12.5, 90.0, ("vae",))]
    told = fewer(spans, most=3)
    assert told == [Span(1.0, 12.0, ()), spans[-1]]
    assert fewer([Span(1.0, 8.0, ("vae",)), Span(8.2, 8.4, ()), Span(8.6, 90.0, ("vae",))], most=2) == [
        Span(1.0, 90.0, ("vae",))
    ]
