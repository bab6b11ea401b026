"""Figures as PNG files, drawn by the Chrome or Chromium of this machine. Nothing is asked of any network."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import plotly.graph_objects as go
from PIL import Image

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
    from choreographer.errors import BrowserFailedError, ChromeNotFoundError

    try:
        # A thread of its own, for a notebook's thread runs an event loop already.
        with ThreadPoolExecutor(1) as thread:
            drawn = thread.submit(asyncio.run, _draw(figures)).result()
        return {name: Image.open(io.BytesIO(png)) for name, png in drawn.items()}
    except ChromeNotFoundError:
        logger.info("No Chrome or Chromium here: figures are saved as JSON, not as PNG.")
    except (BrowserFailedError, TimeoutError) as error:
        logger.warning("Chrome did not draw the figures (%s): they are saved as JSON, not as PNG.", error)
    return {}


async def _draw(figures: Mapping[str, go.Figure]) -> dict[str, bytes]:
    from kaleido import Kaleido

    drawn = {}
    async with asyncio.timeout(SECONDS_TO_GIVE_UP), Kaleido(mathjax=False) as browser:  # else it is fetched
        for name, figure in figures.items():
            size = {"width": WIDTH, "height": figure.layout.height, "scale": SCALE, "format": "png"}
            drawn[name] = await browser.calc_fig(figure, opts=size)
    return drawn
