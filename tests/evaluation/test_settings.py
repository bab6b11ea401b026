"""What a user can choose about scoring can be read without what scores."""

import subprocess
import sys


def test_settings_load_no_heavy_library():
    """`kedro` starts by reading settings: it must not wait for torch."""
    heavy = "{'torch', 'sklearn', 'scipy', 'pandas'}"
    code = f"import sys, gencompare.evaluation.settings; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
