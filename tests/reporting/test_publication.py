import json
import os

import numpy as np
import pandas as pd

from gencompare.evaluation.passport import RULES
from gencompare.pipelines.publishing.nodes import publish
from gencompare.reporting.publication import Result, index, page, read_result

COSTS = ("kimg", "train_seconds", "train_flops", "parameters", "seconds_per_image")
IMAGES = np.zeros((8, 4, 4, 3), np.uint8)


def facts(comparison, image_set, curves, extractor="a", error=0.005):
    def curve(points):
        spent = [
            {
                "train_seconds": seconds,
                "train_flops": 1.0,
                "kimg": 1.0,
                "value": value,
                "standard_error": error,
            }
            for seconds, value in [(0.0, 0.0), *points]
        ]
        return {"points": spent, "passport": {"extractor": extractor}, "noise": 2.0, "real_images": 0.0}

    return {
        "comparison": comparison,
        "image_set": image_set,
        "version": "2026-01-02T03.04.05.678Z",
        "git_commit": "abc",
        "images": {"train": "1"},
        "device": "CPU",
        "seeds": 1,
        "verdict": "vae is ahead.",
        "curves": {
            name: [curve(points) for points in (seeds if isinstance(seeds[0], list) else [seeds])]
            for name, seeds in curves.items()
        },
    }


def leaders(page, heading="Best by budget"):
    section = page.split(f"## {heading}")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


def test_the_best_within_each_budget_is_named_over_all_comparisons():
    one = facts(
        "gan_compare", "squares", {"vae": [(30.0, 0.5), (90.0, 0.4)], "ddpm": [(50.0, 0.9), (500.0, 0.1)]}
    )
    other = facts("modern_compare", "squares", {"flow": [(55.0, 0.45), (3000.0, 0.05)]})
    page = index([other, one])
    (row,) = leaders(page)
    assert row == (
        "| squares | CPU | flow 0.4500 ± 0.0098 (55 s) | ddpm 0.1000 ± 0.0098 (8 min 20 s) | flow 0.0500 ± 0.0098 (50 min) |"
    )
    assert page.index("gan_compare_squares/index.md") < page.index("modern_compare_squares/index.md")
    assert "2026-01-02" in page


def test_who_is_first_at_each_share_of_noises_distance():
    curves = {"vae": [(30.0, 1.1), (40.0, 0.5)], "ddpm": [(20.0, 1.5), (60.0, 0.2)]}
    (row,) = leaders(index([facts("gan_compare", "squares", curves)]), "Time to a bar")
    assert (
        row == "| squares | CPU | vae (40 s) | ddpm (1 min) | – | – |"
    )  # 0.5 ± 0.01 is not surely a quarter of 2.0


def test_who_cannot_be_told_apart_from_the_best_is_named_beside_it():
    curves = {"vae": [(30.0, 0.5)], "ddpm": [(20.0, 0.515)], "gan": [(20.0, 0.6)]}
    (row,) = leaders(index([facts("gan_compare", "squares", curves)]))
    assert row.startswith("| squares | CPU | vae 0.5000 ± 0.0098 (30 s); ddpm may be as good |")


def test_the_leaderboard_goes_by_all_seeds_and_students_interval_over_them():
    lucky = [
        [(30.0, 0.3)],
        [(30.0, 0.6)],
        [(33.0, 0.75)],
    ]  # by its first seed far ahead, and below a quarter of noise
    steady = [[(20.0, 0.5)], [(20.0, 0.51)], [(20.0, 0.49)]]
    page = index([facts("gan_compare", "squares", {"lucky": lucky, "steady": steady})])
    (row,) = leaders(page)
    half = 4.303 * 0.01 / 3**0.5
    assert row.startswith(f"| squares | CPU | steady 0.50 ± {half:.2f} (20 s); lucky may be as good |")
    (row,) = leaders(page, "Time to a bar")
    assert row == "| squares | CPU | steady (by 20 s) | – | – | – |"


def test_a_page_written_when_it_held_the_first_seeds_curve_alone_still_counts():
    one = facts("gan_compare", "squares", {"vae": [(30.0, 0.5)]})
    one["curves"] = {name: seeds[0] for name, seeds in one["curves"].items()}
    assert leaders(index([one]))[0].startswith("| squares | CPU | vae 0.5000 ± 0.0098 (30 s) |")


def test_seconds_of_unlike_devices_are_not_set_against_each_other():
    one = facts("gan_compare", "squares", {"vae": [(30.0, 0.5), (40.0, 0.3)], "ddpm": [(20.0, 0.6)]})
    one |= {"device": "CPU; GPU", "devices": {"vae": "CPU", "ddpm": "GPU"}}
    other = facts("modern_compare", "squares", {"flow": [(10.0, 0.4)]}) | {"device": "GPU"}
    page = index([one, other])
    cpu, gpu = leaders(page)
    assert cpu.startswith("| squares | CPU | vae 0.3000 ± 0.0098 (40 s) |")
    assert gpu.startswith("| squares | GPU | flow 0.4000 ± 0.0098 (10 s) |")
    assert "one core" not in page
    assert leaders(page, "Time to a bar") == [
        "| squares | CPU | vae (by 30 s) | vae (40 s) | – | – |",
        "| squares | GPU | flow (by 10 s) | flow (by 10 s) | – | – |",
    ]


def test_untrained_weights_lead_nowhere_and_what_does_not_compare_stands_apart():
    one = facts("gan_compare", "birds", {"vae": [(120.0, 0.4)]})
    other = facts("bird_compare", "birds", {"ddpm": [(20.0, 7.0)]}, extractor="b")
    rows = leaders(index([one, other]))
    assert rows == [
        "| birds | CPU | – | vae 0.4000 ± 0.0098 (2 min) | vae 0.4000 ± 0.0098 (2 min) |",
        "| birds | CPU | ddpm 7.0000 ± 0.0098 (20 s) | ddpm 7.0000 ± 0.0098 (20 s) | ddpm 7.0000 ± 0.0098 (20 s) |",
    ]


def test_results_scored_by_older_rules_are_marked():
    def row(page, comparison):
        return next(line for line in page.splitlines() if line.startswith(f"| [{comparison}]"))

    today = facts("gan_compare", "squares", {}) | {"scoring_rules": str(RULES)}
    assert "older rules" not in index([today])
    before = facts("bird_compare", "birds", {})  # as it was before rules were recorded
    earlier = facts("car_compare", "cars", {}) | {"scoring_rules": str(RULES - 1)}
    page = index([today, before, earlier])
    assert "vae is ahead. |" in row(page, "gan_compare")
    assert "vae is ahead. (scored by older rules) |" in row(page, "bird_compare")
    assert "(scored by older rules) |" in row(page, "car_compare")
    assert "What was scored by older rules" in page


def test_cells_do_not_break_the_table():
    one = facts("gan_compare", "squares", {"vae": [(30.0, 0.5)]}) | {"verdict": "a | b."}
    assert "a \\| b." in index([one])


CURVE = {"points": [], "passport": {}}
FIRST, SECOND, THIRD = (f"2026-01-0{day}T10.20.30.000Z" for day in (1, 2, 3))


def leave(folder, recorded):
    """Leave three runs, the third with the first's settings; return its result."""
    row = {"contender": "vae", "device": "CPU"} | dict.fromkeys(COSTS, 1.0)
    costs = pd.DataFrame([row | {"seed": seed} for seed in (0, 1)])
    for number, version in enumerate((FIRST, SECOND, THIRD)):

        def place(artifact, version=version):
            file = folder / artifact / version / artifact.rpartition("/")[2]
            file.parent.mkdir(parents=True)
            return file

        answer = {"question": "?", "said": [f"vae {number} is ahead."], "failed": {}}
        origin = {"answer": answer, "settings": {"vae": {}}, "images": {}, "scoring_rules": str(RULES)}
        place("reports/gan_compare/squares/origin.json").write_text(json.dumps(origin))
        place("reports/gan_compare/squares/scores.md").write_text(f"table {number}")
        if version != THIRD:
            costs.assign(kimg=number).to_csv(place("reports/gan_compare/squares/costs.csv"))
            for training in ("vae", "vae_repeat1"):
                curve = CURVE | {"noise": number, "of": training}
                place(f"models/gan_compare/squares/{training}/curve.json").write_text(json.dumps(curve))
            np.savez(place("outputs/gan_compare/squares/vae/samples.npz"), images=IMAGES + number)
    record = folder / "reports/gan_compare/squares/origin.json" / THIRD / "versions.json"
    record.write_text(json.dumps(recorded))
    return read_result(folder / "reports", folder / "models", folder / "outputs", "gan_compare", "squares")


def test_a_page_is_of_what_its_report_was_written_from(tmp_path):
    kept = dict.fromkeys(("costs.csv", "vae/curve.json", "vae/samples.npz"), FIRST)
    result = leave(tmp_path, kept | {"scores.md": THIRD})
    assert result.scores == "table 2"
    assert result.costs["kimg"].tolist() == [0, 0]
    assert result.curves["vae"][0]["noise"] == 0
    assert result.samples["vae"].max() == 0
    assert result.facts["scoring_rules"] == str(RULES)


def test_where_nothing_is_recorded_it_is_the_newest(tmp_path):
    assert leave(tmp_path, {}).curves["vae"][0]["noise"] == 1


def test_the_curves_of_every_seed_are_read(tmp_path):
    assert [curve["of"] for curve in leave(tmp_path, {}).curves["vae"]] == ["vae", "vae_repeat1"]


def test_an_empty_file_keeps_no_page_from_being_written(tmp_path):
    leave(tmp_path, {})
    (tmp_path / "reports/gan_compare/squares/origin.json" / THIRD / "origin.json").write_text("")
    (tmp_path / "models/gan_compare/squares/vae/curve.json" / SECOND / "curve.json").write_text("")
    for empty in ("reports/car_compare/cars/origin.json/1/origin.json", "pages/car_compare_cars/result.json"):
        (tmp_path / empty).parent.mkdir(parents=True)
        (tmp_path / empty).write_text("")
    folders = [tmp_path / name for name in ("reports", "models", "outputs", "pages")]
    publish(*folders, None, None)
    page, index = (tmp_path / "pages" / name for name in ("gan_compare_squares/index.md", "index.md"))
    assert "vae 1 is ahead." in page.read_text()
    assert "vae 1 is ahead." in index.read_text()
    assert "car_compare" not in index.read_text()


def test_pages_are_replaced_whole(tmp_path):
    leave(tmp_path, {})
    folders = [tmp_path / name for name in ("reports", "models", "outputs", "pages")]
    publish(*folders, None, None)
    written = [path for path in (tmp_path / "pages").rglob("*") if path.is_file()]
    for number, path in enumerate(written):  # who has it open reads on in the old one
        os.link(path, tmp_path / str(number))
    publish(*folders, None, None)
    assert len(written) == 4
    for number, path in enumerate(written):
        assert not path.samefile(tmp_path / str(number))


CLAIMS = [{"says": "VAEs | blur", "verdict": "holds", "evidence": "fd 1 for vae."}]


def test_the_index_shows_the_claims_of_every_result_that_has_any():
    without = facts("gan_compare", "squares", {"vae": [(30.0, 0.5)]})
    assert "## Claims" not in index([without])
    page = index([without, facts("bird_compare", "birds", {}) | {"claims": CLAIMS}])
    section = page.split("## Claims put to the test")[1]
    assert section.splitlines()[-1] == "| VAEs \\| blur | bird_compare | birds | **holds** | fd 1 for vae. |"
    assert "gan_compare" not in section


def test_a_page_shows_the_claims_of_its_comparison():
    said = {"question": "?", "said": ["vae is ahead."], "failed": {}, "claims": CLAIMS}
    costs = pd.DataFrame([{"contender": "vae", "seed": 0, "device": "CPU"} | dict.fromkeys(COSTS, 1.0)])
    origin = {"answer": said, "settings": {"vae": {}}, "images": {}}
    result = Result(
        "bird_compare", "birds", "2026-01-02T03.04.05.678Z", origin, "scores", costs, {}, {"vae": IMAGES}
    )
    assert "| VAEs \\| blur | **holds** | fd 1 for vae. |" in page(result, [])
    assert result.facts["claims"] == CLAIMS
    del said["claims"]  # as runs left it before there were any
    assert "## Claims" not in page(result, [])
    assert result.facts["claims"] == []
