"""Versions set side by side: what compares, what changed, and what must not stand in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from gencompare.config.typed import SettingError
from gencompare.pipelines.history.nodes import write_history
from gencompare.reporting.history import changes, history_table, plot, summary
from gencompare.reporting.versions import read_histories

FIRST, SECOND, THIRD, FOURTH = (f"2026-01-0{day}T10.20.30.000Z" for day in (1, 2, 3, 4))


def put(path: Path, version: str, text: str) -> None:
    file = path / version / path.name
    file.parent.mkdir(parents=True)
    file.write_text(text)


def score(value: float, half: float = 1.0, n: int = 1000) -> dict:
    return {
        "n": n,
        "scores": {
            f"fd_net_{n}": {
                "value": value,
                "low": value - half,
                "high": value + half,
                "standard_error": half / 2,
                "kind": "fd",
                "better": "lower",
                "measures": "quality",
                "passport": {"n": n, "seed": 0},
            }
        },
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four versions of one comparison: the third wrote only its report anew, the fourth scored other samples."""
    report = tmp_path / "reports/gan_compare/squares-resolution16"
    outputs = tmp_path / "outputs/gan_compare/squares-resolution16"
    table = pd.DataFrame(
        {"contender": ["dcgan", "vae", "noise"], "kind": ["contender", "contender", "noise"]}
    )
    for version in (FIRST, SECOND, THIRD, FOURTH):
        put(report / "scores.csv", version, table.to_csv(index=False))
    for version, dcgan, vae, n in [(FIRST, 50, 70, 1000), (SECOND, 40, 70.5, 1000), (FOURTH, 90, 95, 500)]:
        put(outputs / "dcgan/scores.json", version, json.dumps(score(dcgan, n=n)))
        put(outputs / "vae/scores.json", version, json.dumps(score(vae, n=n)))
    for version, commit, lr in [(FIRST, "aaa", 0.1), (SECOND, "bbb", 0.2)]:
        origin = {"git_commit": commit, "settings": {"dcgan": {"lr": lr}, "vae": {"lr": 0.1}}}
        put(report / "origin.json", version, json.dumps(origin))
    return tmp_path


def history_of(data: Path):
    (history,) = read_histories(data / "reports", data / "outputs", ["gan_compare"])
    return history


def test_a_line_is_cut_where_passports_differ(data):
    history = history_of(data)
    spans = [([version.name for version in cut], apart) for cut, apart in history.comparable_spans("fd")]
    assert spans == [([FIRST, SECOND, THIRD], []), ([FOURTH], ["n is 1000 and 500"])]
    lines = {(line.name, tuple(line.y)) for line in plot(history).data}
    assert lines == {("dcgan", (50, 40, 40)), ("dcgan", (90,)), ("vae", (70, 70.5, 70.5)), ("vae", (95,))}


def test_a_change_is_claimed_only_where_intervals_do_not_overlap(data):
    table = history_table([history_of(data)]).set_index(["version", "contender"])
    assert table.loc[(SECOND, "dcgan"), "change"] == "better"
    assert table.loc[(SECOND, "vae"), "change"] == ""
    assert table.loc[(FOURTH, "dcgan"), "change"] == ""  # twice as far, but by another measure
    assert table.loc[(FOURTH, "dcgan"), "span"] == 2
    assert table.loc[(FIRST, "vae"), "git_commit"] == "aaa"


def test_a_report_has_the_scores_that_it_was_written_from_though_later_ones_are_of_other_settings(data):
    """As where the settings of the first run were asked for again, after others."""
    report = data / "reports/gan_compare/squares-resolution16"
    record = report / "scores.csv" / THIRD / "versions.json"
    record.write_text(json.dumps({"dcgan/scores.json": FIRST, "vae/scores.json": "of one that is gone"}))
    third = history_of(data).versions[2]
    assert third.name == THIRD
    assert third.score("dcgan", "fd")["value"] == 50
    assert list(third.scores) == ["dcgan"]


def test_a_version_whose_seeds_do_not_compare_is_left_out_in_a_line(data, caplog):
    report = data / "reports/gan_compare/squares-resolution16"
    fifth = "2026-01-05T10.20.30.000Z"
    rows = {"contender": ["dcgan", "dcgan"], "seed": [0, 1], "kind": ["contender"] * 2}
    put(report / "scores.csv", fifth, pd.DataFrame(rows).to_csv(index=False))
    outputs = data / "outputs/gan_compare/squares-resolution16"
    put(outputs / "dcgan_repeat1/scores.json", FIRST, json.dumps(score(64)))  # the other's newest has n=500
    assert [version.name for version in history_of(data).versions] == [FIRST, SECOND, THIRD, FOURTH]
    (said,) = caplog.messages
    assert fifth in said and "is left out" in said


def test_the_newest_version_is_not_compared_across_passports(data):
    assert summary(history_of(data)) == (
        "The newest version cannot be set beside the one before",
        "of its passport, n is 1000 and 500",
    )


def test_settings_that_changed_are_named_where_they_were_recorded(data):
    said = {version.name: lines for version, lines in changes(history_of(data))}
    assert said[SECOND] == ["dcgan.lr: 0.1 → 0.2", "git_commit: aaa → bbb"]
    assert said[FIRST] == said[THIRD] == said[FOURTH] == []


def test_seeds_of_a_contender_stand_together(data):
    report = data / "reports/gan_compare/squares-resolution16"
    outputs = data / "outputs/gan_compare/squares-resolution16"
    fifth = "2026-01-05T10.20.30.000Z"
    rows = {"contender": ["dcgan", "dcgan"], "seed": [0, 1], "kind": ["contender"] * 2}
    put(report / "scores.csv", fifth, pd.DataFrame(rows).to_csv(index=False))
    put(outputs / "dcgan/scores.json", fifth, json.dumps(score(60)))
    put(outputs / "dcgan_repeat1/scores.json", fifth, json.dumps(score(64)))
    one = history_of(data).versions[-1].score("dcgan", "fd")
    assert (one["value"], one["seeds"]) == (62, 2)
    assert one["low"] < 60


def test_the_node_says_what_it_cannot_find(data):
    reports, outputs = data / "reports", data / "outputs"
    with pytest.raises(SettingError, match="did you mean gan_compare"):
        write_history(reports, outputs, "gan_compar", None)
    with pytest.raises(SettingError, match=r"on cub200.*kedro run --pipeline=gan_compare"):
        write_history(reports, outputs, "gan_compare", "cub200")
    assert len(write_history(reports, outputs, None, "squares")[1]) == 8


def test_the_page_opens_without_a_network(data, tmp_path, open_report):
    html, _ = write_history(data / "reports", data / "outputs", None, None)
    file = tmp_path / "history.html"
    file.write_text(html)
    page = open_report(file)
    assert page.complaints == []
    assert page.locator(".plot .main-svg").count() >= 1
    assert "Not to be compared with the versions above: n is 1000 and 500" in page.inner_text("main")
    assert "2026-01-02 10:20:30" in page.inner_text("table")
    page.close()
