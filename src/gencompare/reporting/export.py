"""Figures as PNG files, drawn by the Chrome or Chromium of this machine. Nothing is asked of any network."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import plotly.graph_objects as go
from PIL import Image

if TYPE_CHECKING:
    from kaleido import Kaleido

logger = logging.getLogger(__name__)

WIDTH = 960
SCALE = 2
SECONDS_TO_GIVE_UP = 60


def figure_pngs(figures: Mapping[str, go.Figure]) -> dict[str, Image.Image]:
    """Draw figures as PNG, WIDTH wide at SCALE dots a pixel, in one browser session.

    Where there is no Chrome, or it does not answer, the result is empty and one log line says why: the figures
    are in the report and in their JSON files all the same.
    """
    if not figures:
        return {}
    from choreographer import errors

    try:
        # A thread of its own, for a notebook's thread runs an event loop already.
        with ThreadPoolExecutor(1) as thread:
            drawn = thread.submit(asyncio.run, _draw(figures)).result()
        return {name: Image.open(io.BytesIO(png)) for name, png in drawn.items()}
    except errors.ChromeNotFoundError:
        logger.info("No Chrome or Chromium here: figures are saved as JSON, not as PNG.")
    except (
        errors.BrowserFailedError,
        errors.BrowserClosedError,
        errors.ChannelClosedError,
        TimeoutError,
        asyncio.CancelledError,  # as a call ends whose browser was killed
    ) as error:
        why = f"no answer in {SECONDS_TO_GIVE_UP} s" if isinstance(error, TimeoutError) else "it ended early"
        logger.warning("Chrome did not draw the figures (%s): they are saved as JSON, not as PNG.", why)
    return {}


async def _draw(figures: Mapping[str, go.Figure]) -> dict[str, bytes]:
    from kaleido import Kaleido

    drawn = {}
    browser = Kaleido(mathjax=False)  # else it is fetched
    limit = asyncio.timeout(SECONDS_TO_GIVE_UP)
    try:
        async with limit, browser:
            for name, figure in figures.items():
                size = {"width": WIDTH, "height": figure.layout.height, "scale": SCALE, "format": "png"}
                drawn[name] = await browser.calc_fig(figure, opts=size)
    except BaseException as error:
        await _kill(browser)
        if limit.expired():
            raise TimeoutError from error
        raise
    return drawn


async def _kill(browser: Kaleido) -> None:
    """Kill what is left of a browser, all of its session, and close it: one that hangs keeps this process from ending."""
    if (process := getattr(browser, "subprocess", None)) is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    await browser.close()
