"""What the answer says, and what it must not say."""

from gencompare.reporting.answer import Standing, answer


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
        "ddpm is ahead: fd 41.2 (38.0 to 44.9) against 97.3 (92.1 to 102.6) for vae, the next; lower is better, "
        "and the intervals do not overlap."
    )


def test_the_highest_is_best_where_higher_is_better():
    assert say(*CLEAR, better="higher").ahead == ("gan",)


def test_overlapping_intervals_are_never_called_better():
    said = say(
        Standing("a", 40.0, 36.0, 44.0), Standing("b", 43.0, 39.0, 47.0), Standing("c", 80.0, 70.0, 90.0)
    )
    assert said.ahead == ("a", "b")
    assert said.verdict == "a and b are ahead and cannot be told apart"
    assert "the next, c, has 80.0" in said.evidence
    all_level = say(Standing("a", 40.0, 36.0, 44.0), Standing("b", 43.0, 39.0, 47.0))
    assert all_level.verdict == "a and b cannot be told apart"


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
    assert (
        "2 of 5 contenders failed, shown but not ranked: wgan (diverged) and pgan (not scored)."
        in said.doubts
    )


def test_nobody_is_ranked_where_all_failed():
    said = say(Standing("a", 3.0, 2.0, 4.0, status="diverged"))
    assert (said.verdict, said.evidence) == ("No contender can be ranked", "")
    assert said.ahead == ()


def test_one_contender_is_not_said_to_be_ahead():
    alone = say(Standing("a", 3.0, 2.0, 4.0), opinions={"Kernel distance": ["a"]})
    assert alone.verdict == "Only a can be ranked"
    assert "Kernel distance" not in " ".join(alone.doubts)


def test_costs_are_set_side_by_side_with_their_ratio():
    cheap = Standing("vae", 97.3, 92.1, 102.6, cost={"train_seconds": 60.0, "seconds_per_image": 0.002})
    dear = Standing("ddpm", 41.2, 38.0, 44.9, cost={"train_seconds": 186.0, "seconds_per_image": 0.002})
    costs = "Training took 1 min for vae and 3 min 6 s for ddpm, 3.1 times as long. One image takes 2 ms for"
    assert any(doubt.startswith(costs) for doubt in say(cheap, dear).doubts)
    assert not any("One image takes" in doubt and "1.0 times" in doubt for doubt in say(cheap, dear).doubts)


def test_one_training_run_is_admitted():
    assert "another seed could give another order" in say(*CLEAR).doubts[-1]
    assert say(*CLEAR, seeds=3).doubts[-1] == "3 training runs stand behind each value."


def test_other_scores_agree_or_say_whom_they_see_ahead():
    opinions = {"Kernel distance": ["ddpm"], "Valid squares": ["vae", "gan"], "Inception score": ["vae"]}
    assert (
        "Kernel distance agrees. By Valid squares, vae and gan share first place. By Inception score, vae is ahead."
        in say(*CLEAR, opinions=opinions).doubts
    )


def test_being_ahead_near_noise_is_said_to_be_little():
    near_noise = say(
        Standing("a", 838.0, 830.0, 845.0),
        Standing("b", 1000.0, 990.0, 1010.0),
        real_images=112.0,
        noise=1320.0,
    )
    assert "a is nearer to noise than to real images." in " ".join(near_noise.doubts)
    near_real = say(*CLEAR, real_images=12.0, noise=600.0)
    assert "Real images against other real images get 12.0." in near_real.doubts
