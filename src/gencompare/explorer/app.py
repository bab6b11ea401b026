"""The page and what it asks for, served to this machine alone; it asks nobody else for anything."""

from __future__ import annotations

import base64
import io
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from gencompare.config.typed import SettingError
from gencompare.explorer.blind import BlindTest
from gencompare.explorer.gallery import MOST, Gallery, wish_of
from gencompare.imagesets.pictures import single

STATIC = Path(__file__).parent / "static"
POLICY = "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'"

Answer = Callable[[Request], Any]


def make_app(data: Path) -> Starlette:
    """Make the explorer of a project.

    Args:
        data: its folder of artifacts.
    """
    gallery = Gallery(data)
    blind = BlindTest(gallery, data / "08_reporting" / "votes")
    entries = {entry["id"]: entry for entry in gallery.describe()}

    def trained(request: Request) -> Any:
        gallery.look()
        entries.update({one["id"]: one for one in gallery.describe()})
        return [entries[name] for name in gallery.trained]

    def entry(request: Request) -> dict[str, Any]:
        return entries.get(
            request.query_params.get("id", ""), {"classes": [], "steps": None, "guidance": None}
        )

    def wanted(request: Request) -> tuple[str, Any]:
        return request.query_params.get("id", ""), wish_of(request.query_params, entry(request))

    def images(request: Request) -> Any:
        return [_png(image) for image in gallery.images(*wanted(request), _count(request))]

    def walk(request: Request) -> Any:
        return [_png(image) for image in gallery.walk(*wanted(request))]

    def film(request: Request) -> Any:
        films = gallery.film(*wanted(request), _count(request))
        return [[_png(frame) for frame in frames] for frames in films]

    def nearest(request: Request) -> Any:
        index = _whole(request.query_params.get("index", ""), "index", MOST - 1)
        return [_png(image) for image in gallery.nearest(*wanted(request), index)]

    def question(request: Request) -> Any:
        token, sides = blind.ask(request.query_params.get("group", ""), request.query_params.get("kind", ""))
        return {"token": token, "sides": [[_png(image) for image in side] for side in sides]}

    def scores(request: Request) -> Any:
        return blind.scores(request.query_params.get("group", ""))

    async def vote(request: Request) -> Response:
        try:
            said: dict[str, Any] = dict(json.loads(await request.body()))
        except (ValueError, TypeError):
            return JSONResponse({"error": "no vote"}, status_code=400)
        return await _answered(lambda _: blind.vote(str(said.get("token")), said.get("side", -1)))(request)

    asked: dict[str, Answer] = {
        "images": images,
        "walk": walk,
        "film": film,
        "nearest": nearest,
        "question": question,
        "scores": scores,
        "trained": trained,
    }
    return Starlette(
        routes=[
            *(Route(f"/api/{name}", _answered(answer)) for name, answer in asked.items()),
            Route("/api/vote", vote, methods=["POST"]),
            Route("/", lambda _: _page()),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


def serve(data: Path, port: int) -> None:
    """Serve the explorer of a project on this machine alone, until interrupted.

    Raises:
        SettingError: if the port is taken.
    """
    import uvicorn

    try:
        listening = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise SettingError(f"--port={port}: {error.strerror}; name another") from error
    server = uvicorn.Server(uvicorn.Config(make_app(data), log_level="warning"))
    click.echo(f"Open http://127.0.0.1:{port}")
    server.run(sockets=[listening])


def _answered(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Answer in a thread; what cannot be answered is said in one line."""

    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(await run_in_threadpool(answer, request))
        except SettingError as error:
            return JSONResponse({"error": str(error)}, status_code=400)

    return endpoint


def _page() -> Response:
    page = (STATIC / "page.html").read_bytes()
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": POLICY})


def _png(image: np.ndarray) -> str:
    """One image, uint8 (H, W, C), as a data URL."""
    buffer = io.BytesIO()
    single(image).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _count(request: Request) -> int:
    return max(1, _whole(request.query_params.get("n", "8"), "n", MOST))


def _whole(text: str, name: str, most: int) -> int:
    if not text.isdecimal() or int(text) > most:
        raise SettingError(f"{name}={text!r}: must be a whole number, at most {most}")
    return int(text)
