"""Messages are written down whole or not at all."""

from __future__ import annotations

import resource

import pytest

from gencompare.tracking.spool import Spool


def test_a_message_for_which_there_is_no_room_leaves_nothing_and_the_next_is_whole(tmp_path):
    spool = Spool.begin(tmp_path, "sqlite:///mlflow.db")
    spool.add("metrics", "a", step=1)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (spool.file.stat().st_size + 10, limit[1]))
    try:
        with pytest.raises(OSError, match="No space left"):
            spool.add("metrics", "a", step=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    spool.add("metrics", "a", step=3)
    assert [message["step"] for message, _ in spool.left()] == [1, 3]
