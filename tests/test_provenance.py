"""Where a result comes from."""

import sys

from gencompare.provenance import provenance


def test_the_command_is_recorded_as_one_would_type_it_again_and_only_where_it_is_kedros(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/kedro", "run", "--params=folder=my images"])
    assert provenance()["command"] == "kedro run '--params=folder=my images'"
    monkeypatch.setattr(sys, "argv", ["/usr/bin/pytest", "tests"])
    assert "command" not in provenance()
