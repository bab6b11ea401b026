from copy import deepcopy

import pytest

from gencompare.evaluation.passport import PassportMismatch, differences, short
from gencompare.evaluation.table import combined, score_table

PASSPORT = {
    "measured_by": {"extractor": "some_net", "weights_sha256": "57934424"},
    "n": 1000,
    "reference": {"image_set": "squares", "split": "heldout", "sha256": "abc"},
    "seed": 0,
}


def scored(value: float, error: float = 1.0, **more: float) -> dict:
    """A score file with `fd` and any other scores, better when lower."""
    values = {"fd": value, **more}
    return {"scores": {f"{kind}_some_net_1k": one(kind, v, error) for kind, v in values.items()}}


def one(kind: str, value: float, error: float, better: str = "lower") -> dict:
    return {
        "value": value,
        "low": value - 2 * error,
        "high": value + 2 * error,
        "standard_error": error,
        "kind": kind,
        "better": better,
        "measures": "quality",
        "passport": PASSPORT,
    }


REFERENCE = {"real_images": scored(1.0), "noise": scored(99.0)}


def ranks(scores: dict) -> dict[str, int]:
    made = score_table(scores, REFERENCE)
    rows = made[made["kind"] == "contender"]
    return dict(zip(rows["contender"], rows["fd_some_net_1k_rank"], strict=True))


def test_contenders_that_cannot_be_told_apart_share_a_rank() -> None:
    assert ranks({"a": scored(10), "b": scored(13), "c": scored(30)}) == {"a": 1, "b": 1, "c": 3}


def test_a_chain_of_overlaps_is_ranked_by_who_is_surely_better() -> None:
    # a overlaps b, b overlaps c, but a is surely better than c
    assert ranks({"a": scored(10), "b": scored(13), "c": scored(16)}) == {"a": 1, "b": 1, "c": 2}


def test_higher_is_better_turns_ranks_round() -> None:
    high, low = scored(0), scored(0)
    high["scores"] = {"fd_some_net_1k": one("fd", 30, 1, better="higher")}
    low["scores"] = {"fd_some_net_1k": one("fd", 10, 1, better="higher")}
    assert ranks({"low": low, "high": high}) == {"high": 1, "low": 2}


def test_every_contender_has_a_row_beside_real_images_and_noise() -> None:
    made = score_table({"a": scored(10), "b": scored(30)}, REFERENCE).set_index("contender")
    assert made["kind"].to_dict() == {
        "a": "contender",
        "b": "contender",
        "real images": "real images",
        "noise": "noise",
    }
    row = made.loc["a", ["fd_some_net_1k", "fd_some_net_1k_low", "fd_some_net_1k_high", "group"]]
    assert row.tolist() == [10, 8, 12, 1]
    assert made.loc[["real images", "noise"], "fd_some_net_1k_rank"].isna().all()


def test_a_score_that_only_some_have_is_left_empty_for_the_others() -> None:
    made = score_table({"a": scored(10, agreement=0.5), "b": scored(30)}, REFERENCE).set_index("contender")
    assert made["agreement_some_net_1k"].isna().tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        (("n",), 500, "n is 1000 and 500"),
        (("reference", "sha256"), "xyz", "reference.sha256 is abc and xyz"),
        (("reference", "split"), "train", "reference.split is heldout and train"),
        (
            ("measured_by", "weights_sha256"),
            "6726825d",
            "measured_by.weights_sha256 is 57934424 and 6726825d",
        ),
        (("seed",), 1, "seed is 0 and 1"),
    ],
)
def test_scores_with_different_passports_are_refused_by_name(
    place: tuple[str, ...], value: object, named: str
) -> None:
    other = deepcopy(scored(30))
    inner = other["scores"]["fd_some_net_1k"]["passport"]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(PassportMismatch, match=named) as refusal:
        score_table({"a": scored(10), "b": other}, REFERENCE)
    assert "of a and" in str(refusal.value)
    assert "of b must not stand in one column" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_scores_of_one_kind_under_two_names_are_refused_too() -> None:
    other = deepcopy(scored(30))
    renamed = other["scores"].pop("fd_some_net_1k")
    renamed["passport"]["n"] = 500
    other["scores"]["fd_some_net_500"] = renamed
    with pytest.raises(PassportMismatch, match="fd_some_net_500 of b .* n is 1000 and 500"):
        score_table({"a": scored(10), "b": other}, REFERENCE)


def test_real_images_at_another_n_is_refused() -> None:
    real = deepcopy(scored(1))
    real["scores"]["fd_some_net_1k"]["passport"]["n"] = 100
    with pytest.raises(PassportMismatch, match="of real images"):
        score_table({"a": scored(10)}, {"real_images": real, "noise": scored(99)})


def test_seeds_are_rows_of_one_contender_that_share_its_rank() -> None:
    scores = {("a", 0): scored(10), ("a", 1): scored(11), ("b", 0): scored(30), ("b", 1): scored(31)}
    made = score_table(scores, REFERENCE)
    rows = made[made["kind"] == "contender"]
    assert rows["seed"].tolist() == [0, 1, 0, 1]
    assert rows["contender"].tolist() == ["a", "a", "b", "b"]
    assert rows["group"].tolist() == [1, 1, 2, 2]


def test_seeds_that_scatter_make_a_contender_less_certain_than_its_samples_do() -> None:
    score = combined([scored(10, 0.1), scored(20, 0.1), scored(30, 0.1)])["scores"]["fd_some_net_1k"]
    assert score["value"] == 20
    assert score["seeds"] == 3
    assert score["high"] - 20 == pytest.approx(
        4.303 * 10 / 3**0.5, rel=1e-3
    )  # Student, two degrees of freedom
    assert ranks({("a", 0): scored(10, 0.1), ("a", 1): scored(30, 0.1), "b": scored(31, 0.1)}) == {
        "a": 1,
        "b": 1,
    }


def test_seeds_that_agree_by_chance_keep_the_doubt_of_their_samples() -> None:
    score = combined([scored(20, 2), scored(20, 2)])["scores"]["fd_some_net_1k"]
    assert score["high"] - 20 == pytest.approx(1.96 * 2 / 2**0.5, rel=1e-3)


def test_the_doubt_of_few_seeds_stays_within_what_a_score_can_be() -> None:
    assert combined([scored(10), scored(30)])["scores"]["fd_some_net_1k"]["low"] == 0
    shares = [{"scores": {"p": one("precision", value, 0.01, better="higher")}} for value in (0.8, 1.0)]
    assert combined(shares)["scores"]["p"]["high"] == 1


def test_differences_name_what_only_one_passport_has() -> None:
    assert differences({"a": {"b": 1}}, {"a": {"b": 1}}) == []
    assert differences({"a": {"b": 1}}, {"a": {"c": 2}}) == [
        "a.b is 1 and not given",
        "a.c is not given and 2",
    ]


@pytest.mark.parametrize(
    ("n", "name"), [(64, "64"), (1000, "1k"), (1500, "1500"), (10_000, "10k"), (50_000, "50k")]
)
def test_counts_are_written_short(n: int, name: str) -> None:
    assert short(n) == name


def memorised(low: float, high: float) -> dict:
    score = {**one("memorised", (low + high) / 2, 0), "low": low, "high": high, "measures": "memorisation"}
    return {"scores": {"memorised_pixels_1k": score}}


def test_only_who_memorises_surely_more_than_real_images_is_ranked_by_it() -> None:
    reference = {"real_images": memorised(0.005, 0.015), "noise": memorised(0.0, 0.004)}
    scores = {
        "none": memorised(0.0, 0.004),
        "as_real": memorised(0.01, 0.02),
        "some": memorised(0.1, 0.2),
        "all": memorised(0.9, 1.0),
    }
    made = score_table(scores, reference).set_index("contender")["memorised_pixels_1k_rank"]
    assert made[["none", "as_real"]].isna().all()
    # those who are not accused are still better than those who are
    assert made[["some", "all"]].tolist() == [3, 4]


def test_a_share_that_no_seed_ever_saw_may_still_be_as_large_as_all_their_samples_allow() -> None:
    none = {"scores": {"squares_valid": one("squares_valid", 0.0, 0.0, better="higher")}}
    found = combined([none, none, none])["scores"]["squares_valid"]
    assert (found["value"], found["low"]) == (0.0, 0.0)
    assert 0.001 < found["high"] < 0.0015  # Wilson's upper end of 0 of 3,000


def test_one_image_over_and_over_tells_as_much_as_one() -> None:
    alike = {
        "scores": {
            "memorised_pixels_1k": memorised(0.0, 0.0)["scores"]["memorised_pixels_1k"]
            | {"value": 0.0, "distinct": 1}
        }
    }
    found = combined([alike, alike, alike])["scores"]["memorised_pixels_1k"]
    assert found["high"] > 0.5  # Wilson's upper end of 0 of 3
