"""How wide layers are. Nothing here imports torch."""

from __future__ import annotations

from gencompare.config.typed import SettingError

HEAD_WIDTH = 32
"""Channels of one head of attention."""


def doubling_widths(width: int, levels: int, max_width: int | None = None) -> list[int]:
    """Widths of as many levels, each twice the one before but at most `max_width`.

    Raises:
        SettingError: if the first is more, for it would not be in force.
    """
    if max_width is not None and width > max_width:
        raise SettingError(
            f"model.width={width}: at most model.max_width={max_width}, where the doubling stops"
        )
    return [min(width * 2**level, max_width or width * 2**level) for level in range(levels)]
