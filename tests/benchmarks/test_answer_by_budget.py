"""Facts about how answers by budget are held against separate runs."""

from __future__ import annotations

import json

import pytest

SECONDS = (0.0, 10.0, 40.0, 160.0)


@pytest.fixture
def models(tmp_path):
    """Curves of two contenders that cross after 40 s, an older one of the first, and a second seed of it."""

    def leave(name, version, values):
        points = [
            {
                "kimg": seconds / 2,
                "train_seconds": seconds,
                "train_flops": seconds,
                "value": value,
                "standard_error": 0.01,
            }
            for seconds, value in zip(SECONDS, values, strict=True)
        ]
        file = tmp_path / name / "curve.json" / version / "curve.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"points": points, "real_images": 0.0, "noise": 1.5, "passport": {}}))

    leave("vae", "2026-01-01", [1.0, 0.9, 0.9, 0.9])
    leave("vae", "2026-01-02", [1.0, 0.4, 0.3, 0.2])
    leave("vae_repeat1", "2026-01-02", [1.0, 0.0, 0.0, 0.0])
    leave("ddpm", "2026-01-02", [1.0, 0.8, 0.4, 0.1])
    return tmp_path


def test_the_newest_curve_of_first_seeds_is_read(models, benchmark_script):
    curves = benchmark_script("answer_by_budget").curves_of(models)
    assert {name: list(curve.values) for name, curve in curves.items()} == {
        "vae": [1.0, 0.4, 0.3, 0.2],
        "ddpm": [1.0, 0.8, 0.4, 0.1],
    }


def test_the_report_says_who_leads_at_a_share_and_the_curve_how_far_one_is(models, benchmark_script):
    script = benchmark_script("answer_by_budget")
    curves = script.curves_of(models)
    assert script.said(curves, 0.01) == script.said(curves, 0.125) == ("vae",)
    assert script.said(curves, 1.0) == ("ddpm",)
    assert script.from_the_curve(curves["vae"], 0.125) == pytest.approx(0.35)
    assert script.from_the_curve(curves["ddpm"], 1.0) == pytest.approx(0.1)


def test_answers_agree_overlap_or_differ(benchmark_script):
    verdict = benchmark_script("answer_by_budget").verdict
    assert verdict(("a", "b"), ("b", "a")) == "the same"
    assert verdict(("a", "b"), ("b",)) == "overlap"
    assert verdict(("a",), ("b",)) == verdict((), ("b",)) == "**differ**"
