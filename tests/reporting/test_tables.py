"""Scores put in order, ranks that admit doubt, costs written down."""

import pandas as pd
import pytest

from gencompare.evaluation.table import combined, score_table
from gencompare.reporting.tables import COSTS, blind, blunt, cost_columns, headline, scoreboard


def score(value, half, kind="fd", better="lower"):
    return {
        "value": value,
        "low": value - half,
        "high": value + half,
        "better": better,
        "kind": kind,
        "measures": "quality",
        "passport": {"n": 100},
    }


SCORES = {
    "worst": {"scores": {"fd_x_100": score(90.0, 5.0)}},
    "best": {"scores": {"fd_x_100": score(10.0, 2.0)}},
    "level": {"scores": {"fd_x_100": score(12.0, 2.0)}},
    "odd": {"scores": {"fd_x_100": score(1.0, 0.5)}},
}
REFERENCE = {
    kind: {"scores": {"fd_x_100": score(v, 0.1)}} for kind, v in (("real_images", 3.0), ("noise", 500.0))
}


@pytest.fixture
def board():
    return scoreboard(score_table(SCORES, REFERENCE), SCORES, failed={"odd"})


def test_rows_go_from_real_images_to_noise_with_failures_after_the_ranked(board):
    assert [row.name for row in board.rows] == ["real images", "best", "level", "worst", "odd", "noise"]
    assert [row.kind for row in board.rows] == ["real images", *["contender"] * 3, "failed", "noise"]


def test_failed_contenders_neither_have_nor_take_a_rank(board):
    assert board.ranks(board.first) == {"best": 1, "level": 1, "worst": 3}


def test_a_score_that_is_blind_here_is_shown_and_has_no_say():
    def described(far, precise):
        marked = score(precise, 0.1, "precision", "higher") | {"blind": True}
        own = score(far, 2.0, "fd_learnt") | {"blind": True}
        return {"scores": {"fd_x_100": score(far, 2.0), "precision_x_100": marked, "fd_learnt_100": own}}

    made = {"vae": described(10.0, 0.2), "ddpm": described(20.0, 0.9)}
    shown = scoreboard(score_table(made, {row: described(3.0, 1.0) for row in REFERENCE}), made, failed=())
    assert [column.decides for column in shown.columns] == [True, False, False]
    assert [column.name for column in headline(shown)] == ["fd_x_100"]
    assert shown.second is None
    assert blind(shown) == (
        "Precision and Fréchet distance, own features do not surely tell these real images from their fourfold "
        "blur and from noise: shown, not counted."
    )


def test_that_the_score_to_rank_by_is_blind_is_said():
    made = {"vae": {"scores": {"fd_x_100": score(10.0, 2.0) | {"blind": True}}}}
    shown = scoreboard(score_table(made, REFERENCE), made, failed=())
    assert [column.name for column in headline(shown)] == ["fd_x_100"]
    assert blind(shown).endswith(": no ranking here is to be believed.")


@pytest.mark.parametrize(("limit", "says"), [(0.05, True), (0.35, False)])
def test_that_copies_would_not_stand_out_is_said(limit, says):
    def described(value):
        passport = {"n": 100, "measured_by": {"memorised_below": limit}}
        own = score(value, 0.01, "memorised") | {"passport": passport}
        return {"scores": {"fd_x_100": score(10.0, 2.0), "memorised_pixels_100": own}}

    made, references = {"vae": described(0.0)}, {row: described(0.0) for row in REFERENCE}
    shown = scoreboard(score_table(made, references), made, failed=())
    assert blunt(shown).startswith("Memorised says little here: some held-out") == says
    assert bool(blunt(shown)) == says


def test_nobody_leads_where_all_are_level(board):
    leading = [row.name for row in board.rows if board.leads(row, board.first)]
    assert leading == ["best", "level"]
    level = {name: SCORES[name] for name in ("best", "level")}
    board = scoreboard(score_table(level, REFERENCE), level, ())
    assert not any(board.leads(row, board.first) for row in board.rows)


def test_a_score_that_tells_only_who_is_worse_than_real_images_names_no_leader():
    def share(value, half):
        return {"scores": {"memorised_pixels_100": score(value, half, "memorised")}}

    scores = {"none": share(0.0, 0.001), "few": share(0.01, 0.008), "many": share(0.5, 0.05)}
    reference = {"real_images": share(0.01, 0.005), "noise": share(0.0, 0.001)}
    board = scoreboard(score_table(scores, reference), scores, ())
    assert board.ranks(board.first) == {"many": 3}
    assert not any(board.leads(row, board.first) for row in board.rows)


def test_without_failures_ranks_are_those_of_the_evaluation():
    table = score_table(SCORES, REFERENCE)
    board = scoreboard(table, SCORES, failed=())
    theirs = table.set_index("contender")["fd_x_100_rank"]
    assert board.ranks(board.first) == theirs.dropna().to_dict()


def test_a_table_read_back_from_csv_says_the_same(board, tmp_path):
    score_table(SCORES, REFERENCE).to_csv(tmp_path / "scores.csv", index=False)
    again = scoreboard(pd.read_csv(tmp_path / "scores.csv"), SCORES, failed={"odd"})
    assert again == board


def test_higher_is_first_where_higher_is_better():
    scores = {
        name: {"scores": {"recall": score(v, 0.01, "recall", "higher")}}
        for name, v in (("a", 0.2), ("b", 0.7))
    }
    table = score_table(scores, {kind: {"scores": {}} for kind in ("real_images", "noise")})
    assert [row.name for row in scoreboard(table, scores, ()).rows if row.kind == "contender"] == ["b", "a"]


def test_a_score_that_one_contender_lacks_is_an_empty_cell():
    scores = {"a": SCORES["best"], "b": {"scores": {}}}
    board = scoreboard(score_table(scores, REFERENCE), scores, ())
    assert board.cell("b", "fd_x_100").value is None
    assert board.rows[-2].name == "b"


def test_several_seeds_are_one_row_and_are_counted():
    runs = [{"scores": {"fd_x_100": score(v, 2.0) | {"standard_error": 1.0}}} for v in (10.0, 14.0)]
    table = score_table({("a", 0): runs[0], ("a", 1): runs[1]}, REFERENCE)
    board = scoreboard(table, {"a": combined(runs)}, ())
    assert [row.name for row in board.rows] == ["real images", "a", "noise"]
    assert board.cell("a", "fd_x_100").value == 12.0
    assert board.first.seeds == 2


def test_a_score_is_called_what_it_is():
    board = scoreboard(score_table(SCORES, REFERENCE), SCORES, ())
    assert board.first.full == "Fréchet distance (fd_x_100)"


def test_costs_are_written_in_words_and_unknown_ones_as_a_dash():
    cost = {"parameters": 2_640_000, "train_seconds": 127.0, "train_flops": 4.7e14, "peak_memory_mb": 1500.0}
    written = {column.key: column.text(cost) for column in COSTS}
    assert written["parameters"] == "2.64 M"
    assert written["train_seconds"] == "2 min 7 s"
    assert written["train_flops"] == "470 TFLOP"
    assert written["peak_memory_mb"] == "1.5 GB"
    assert written["nfe"] == "–"


def test_what_nobody_did_beside_training_has_no_column():
    beside = ["validation_seconds", "fit_seconds"]
    for key in beside:
        columns = [column.key for column in cost_columns([{key: 0.0}, {key: 2.0}, {}])]
        assert [name for name in columns if name in beside] == [key]
    assert len(cost_columns([dict.fromkeys(beside, 0.0)])) == len(COSTS) - 2


def test_costs_say_how_far_seeds_lie_apart():
    seconds = next(column for column in COSTS if column.key == "train_seconds")
    assert seconds.spread([{"train_seconds": 80.0}, {"train_seconds": 95.0}]) == "1 min 20 s to 1 min 35 s"
    assert seconds.spread([{"train_seconds": 80.0}]) == seconds.spread([{}]) == ""


@pytest.mark.parametrize(
    ("kind", "learnt"), [("fd", "fd_learnt"), ("fid", "fd_learnt"), ("kid", "kid_learnt")]
)
def test_the_second_opinion_is_the_same_distance_by_learnt_features(kind, learnt):
    own = {"first": score(3.0, 1.0, kind=kind)}
    others = {name: score(4.0, 1.0, kind=name) for name in ("fd_learnt", "kid_learnt", "recall")}
    board = scoreboard(pd.DataFrame(columns=["kind"]), {"vae": {"scores": own | others}}, failed=())
    assert board.second.name == learnt
    alone = scoreboard(pd.DataFrame(columns=["kind"]), {"vae": {"scores": own}}, failed=())
    assert alone.second is None
