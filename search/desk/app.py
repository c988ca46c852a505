"""The parts behind the page -> the application that serves it."""

from functools import partial
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from ingest.verdict import Abort, Reject, Retry
from search.desk import (
    routes_alerts,
    routes_articles,
    routes_audit,
    routes_channels,
    routes_commands,
    routes_feeds,
    routes_live,
    routes_people,
    routes_people_commands,
    routes_search,
    routes_sign_in,
    routes_watches,
)
from search.desk.access import Access
from search.desk.context import Desk
from search.desk.frame import page
from search.desk.security import BEARERS, Guard
from search.people.person import Visitor

ROUTES = (
    routes_alerts,
    routes_articles,
    routes_search,
    routes_watches,
    routes_feeds,
    routes_channels,
    routes_commands,
    routes_people_commands,
    routes_sign_in,
    routes_people,
    routes_audit,
    routes_live,
)
STATUS = {Reject: 422, Retry: 503, Abort: 500}


def create_app(desk: Desk) -> FastAPI:
    """The desk page for `desk`. The caller runs it, and has checked with `check_bind` where.

    Once `app.state.closing` is set to True, pages that are open are let go within half a second.
    """
    app = FastAPI(title="Tocsin", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.closing = False
    access = app.state.access = Access(desk)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    for module in ROUTES:
        app.include_router(module.router(desk))
    _explain_errors(app, desk)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(Guard, desk=desk, access=access, answer=partial(_answer, desk))
    return app


def _answer(desk: Desk, request: Request, said: str, status: int) -> Response:
    """Why not, in the form that the asker reads. Who is not let in sees nothing of the frame."""
    visitor: Visitor | None = request.state.visitor
    if request.scope["path"].startswith("/api/"):
        return JSONResponse({"error": said}, status_code=status)
    if request.headers.get("hx-request") or visitor is None or visitor.way in BEARERS:
        return PlainTextResponse(said, status_code=status)
    return page(desk, request, "error.html", {"said": said}, status)


def _explain_errors(app: FastAPI, desk: Desk) -> None:
    """Has every error say what, where and what to do, in the form that the asker reads."""
    answer = partial(_answer, desk)

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        found = answer(request, str(error.detail), error.status_code)
        found.headers.update(error.headers or {})
        return found

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        said = "; ".join(f"{'.'.join(str(part) for part in one['loc'][1:])}: {one['msg']}" for one in error.errors())
        return answer(request, f"This cannot be asked so: {said}.", 422)

    @app.exception_handler(Reject)
    @app.exception_handler(Retry)
    @app.exception_handler(Abort)
    def verdict(request: Request, error: Exception) -> Response:
        return answer(request, str(error), STATUS[next(kind for kind in STATUS if isinstance(error, kind))])
