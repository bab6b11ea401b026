"""Settings are read often and by everybody: no heavy library may be loaded for them."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "torchvision", "mlflow", "sklearn", "scipy", "albumentations", "cv2", "pandas")
SETTINGS = (
    "models",
    "objectives",
    "sampling",
    "training.settings",
    "tracking.settings",
    "evaluation.settings",
    "imagesets",
    "imagesets.subset",
    "config.typed",
)


def test_settings_are_imported_without_heavy_libraries():
    rooms = ", ".join(f"gencompare.{room}" for room in SETTINGS)
    script = f"import sys, {rooms}; print(*sorted(sys.modules.keys() & set({HEAVY})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_what_needs_them_still_loads_them():
    script = f"import sys, gencompare.training.loop; print(*sorted(sys.modules.keys() & set({HEAVY})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {"torch", "pandas"} <= set(done.stdout.split())
