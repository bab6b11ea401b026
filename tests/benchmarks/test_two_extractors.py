"""Two extractors: pairs in the same order are counted, and a correlation has the sign of being nearer."""

from __future__ import annotations

import sys

import pandas as pd


def test_a_run_with_two_seeds(benchmark_script, tmp_path, monkeypatch, capsys):
    table = pd.DataFrame(
        {
            "contender": ["vae", "vae", "ddpm", "ddpm", "real images"],
            "kind": ["contender"] * 4 + ["real images"],
            "kid_default": [0.1, 0.2, 0.3, 0.4, 0.0],
            "kid_default_low": 0.0,
            "kid_learnt_views": [0.1, 0.2, 0.15, 0.4, 0.0],
            "squares_valid": [0.9, 0.8, 0.7, 0.6, 1.0],
        }
    )
    version = tmp_path / "scores.csv" / "2026-11-30T12.00.00.000Z"
    version.mkdir(parents=True)
    table.to_csv(version / "scores.csv", index=False)
    script = benchmark_script("two_extractors")
    monkeypatch.setattr(sys, "argv", ["two_extractors", str(tmp_path)])
    script.main()
    said = capsys.readouterr().out
    assert "| vae | 0.15 | 0.15 | 0.85 |" in said
    assert "trainings: they agree on 5 of 6 (83%) pairs" in said
    assert "means over seeds: they agree on 1 of 1 (100%) pairs" in said
    assert "kid_default with squares_valid: 1.00" in said
    assert "kid_learnt_views with squares_valid: 0.80" in said
