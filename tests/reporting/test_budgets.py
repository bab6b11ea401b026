"""What contenders had the same of, and who had less of the machine."""

from gencompare.reporting.budgets import how_busy, what_was_equal


def test_what_was_equal_is_said_with_who_had_least_and_most():
    costs = {
        "vae": {"train_seconds": 100.0, "kimg": 50.0, "parameters": 1e6},
        "ddpm": {"train_seconds": 112.0, "kimg": 20.0, "parameters": 1e6},
    }
    assert what_was_equal(costs) == (
        "Equal between contenders: training time within 12% and parameters. Not equal: images seen, 20 k (ddpm) to "
        "50 k (vae)."
    )
    assert what_was_equal({"vae": costs["vae"]}) == ""


def test_a_machine_that_others_kept_busy_is_told_of():
    alone = {"cores": 0.98, "device": "CPU, 1 thread of 2 cores", "train_seconds": 60.0}
    other = {"cores": 0.4, "device": "NVIDIA H100", "train_seconds": 60.0}
    assert how_busy({"vae": alone, "ddpm": other, "gan": {}}) == ""
    busy = {name: alone | {"cores": share} for name, share in {"dcgan": 0.7, "lsgan": 0.62}.items()}
    assert "dcgan and lsgan trained with 0.62 to 0.70 of a core" in how_busy({"vae": alone} | busy)
    assert "dcgan trained with 0.70 of a core" in how_busy({"vae": alone, "dcgan": busy["dcgan"]})
    assert how_busy({"vae": busy["dcgan"] | {"train_seconds": 2.0}}) == ""
