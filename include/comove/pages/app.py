"""The web application of the pages.

It knows nothing of Airflow: whoever serves it hands in a guard, which every route obeys,
those of style sheets and reports included.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import plotly
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    StreamingResponse,
)
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from comove.errors import ComoveError
from comove.pages import overview
from comove.pages.catalogue import PAGES, Chart, Listing, Page
from comove.pages.files import NoSuchFileError, page_file, reports_of
from comove.pages.published import NotPublishedError, Published
from comove.pages.published import Request as Rows
from comove.portfolio import load_portfolio
from comove.settings import Settings

HERE = Path(__file__).parent
SCRIPTS = {
    "plotly.min.js": Path(plotly.__file__).parent / "package_data" / "plotly.min.js",
    "comove.js": HERE / "static" / "comove.js",
    "comove.css": HERE / "static" / "comove.css",
}
OWN_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
# Reports and the dbt docs are single files whose scripts and styles stand in them.
FILE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "connect-src data: blob:; base-uri 'none'; frame-ancestors 'self'"
)
Month = Annotated[str | None, Query(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
Text = Annotated[str, Query(max_length=200)]

_environment = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def make_app(settings: Settings, guard: Callable[..., Any]) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    settings : Settings
        Which home's published copy, reports and docs are shown.
    guard : callable
        A FastAPI dependency that raises where the caller may not see the pages.

    Returns
    -------
    FastAPI
        To be mounted under a prefix; read-only.
    """
    app = FastAPI(
        title="comove",
        dependencies=[Depends(guard)],
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    _Site(settings).add_routes(app)
    app.add_exception_handler(ComoveError, _told)
    app.middleware("http")(_with_headers)
    return app


class _Site:
    """The routes, with what they read."""

    def __init__(self, settings: Settings) -> None:
        self.home = settings.places
        self.portfolio = load_portfolio(settings.portfolio).title
        self.published = Published(self.home.serving)
        self.pages = {page.slug: page for page in PAGES}

    def add_routes(self, app: FastAPI) -> None:
        """Add them, those with fixed words before those with a page's name."""
        for path, route in (
            ("/", self.front),
            ("/static/{name}", self.static),
            ("/reports/{path:path}", self.report),
            ("/docs", self.docs),
            ("/borrower/{key}", self.borrower),
            ("/event/{key}", self.event),
            ("/{slug}/chart/{name}", self.chart),
            ("/{slug}/table/{table}", self.table),
            ("/{slug}/download/{table}.csv", self.download),
            ("/{slug}", self.page),
        ):
            app.get(path, response_model=None)(route)

    def front(self, request: Request, month: Month = None) -> Response:
        """Give the overview."""
        if not request.url.path.endswith("/"):
            # Addresses on the page are relative to it.
            return RedirectResponse(request.url.path + "/")
        months = self.published.months(*overview.MONTHS_OF)
        chosen = _chosen(month, months)
        return self._rendered(
            "overview.html.j2",
            title="Overview",
            root="",
            months=months,
            month=chosen,
            figures=overview.figures(self.published, chosen) if chosen else [],
            waiting=overview.waiting(self.published),
        )

    def page(self, slug: str, month: Month = None) -> Response:
        """Give one page; its charts and rows are asked for by the browser."""
        page = self._page(slug)
        months = self._months(page)
        tables = self.published.tables()
        return self._rendered(
            "page.html.j2",
            title=page.title,
            root="",
            page=page,
            months=months,
            month=_chosen(month, months),
            charts=[one for one in page.charts if _is_there(one, tables)],
            listings=[one for one in page.listings if one.table in tables],
            absent=[one for one in page.listings if one.table not in tables],
            reports=reports_of(self.home, page.reports),
            columns=tables,
        )

    def borrower(self, key: str) -> Response:
        """Give everything published of one borrower."""
        return self._about("borrower_key", key, "Borrower")

    def event(self, key: str) -> Response:
        """Give everything published of one default event."""
        return self._about("event_id", key, "Default event")

    def chart(self, slug: str, name: str, month: Month = None) -> Response:
        """Give the numbers of a chart."""
        page = self._page(slug)
        chart = next((one for one in page.charts if one.name == name), None)
        if chart is None or not _is_there(chart, self.published.tables()):
            raise HTTPException(404, "There is no such chart.")
        chosen = _chosen(month, self._months(page))
        rows = self.published.query(chart.sql, {"month": chosen})
        told = {"kind": chart.kind, "x_title": chart.x_title, "y_title": chart.y_title}
        return JSONResponse(told | {"title": chart.title, "rows": rows})

    def table(
        self,
        slug: str,
        table: str,
        request: Request,
        month: Month = None,
        search: Text = "",
        sort: Text = "",
        descending: bool = True,
        page: Annotated[int, Query(ge=1, le=10_000_000)] = 1,
        size: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Response:
        """Give a page of a table's rows."""
        wanted = self._wanted(slug, table, month, search, sort, descending, page, size)
        found = self.published.rows(wanted)
        return JSONResponse(found.__dict__ | {"sort": wanted.sort})

    def download(
        self,
        slug: str,
        table: str,
        month: Month = None,
        search: Text = "",
        sort: Text = "",
        descending: bool = True,
    ) -> Response:
        """Give a table, as it is selected and sorted, as CSV."""
        wanted = self._wanted(slug, table, month, search, sort, descending)
        self.published.columns(wanted.table)
        named = f'attachment; filename="{table}.csv"'
        return StreamingResponse(
            self.published.csv(wanted),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": named},
        )

    def static(self, name: str) -> Response:
        """Give a script or a style sheet."""
        if name not in SCRIPTS:
            raise HTTPException(404, "There is no such file.")
        return FileResponse(
            SCRIPTS[name], headers={"Cache-Control": "private, max-age=3600"}
        )

    def report(self, path: str) -> Response:
        """Give a report as it was written."""
        return self._file(self.home.reports, path)

    def docs(self) -> Response:
        """Give the dbt docs of the published run."""
        return self._file(self.home.docs, "index.html")

    def _file(self, folder: Path, path: str) -> Response:
        found = page_file(folder, path)
        return FileResponse(found, headers={"Content-Security-Policy": FILE_POLICY})

    def _page(self, slug: str) -> Page:
        if slug not in self.pages:
            raise HTTPException(404, "There is no such page.")
        return self.pages[slug]

    def _months(self, page: Page) -> list[dt.date]:
        if page.months_of is None:
            return []
        table, column = page.months_of.rsplit(".", 1)
        return self.published.months(table, column)

    def _wanted(
        self,
        slug: str,
        table: str,
        month: str | None,
        search: str,
        sort: str,
        descending: bool,
        page: int = 1,
        size: int = 50,
    ) -> Rows:
        owner = self._page(slug)
        listing = next((one for one in owner.listings if one.slug == table), None)
        if listing is None:
            raise HTTPException(404, "There is no such table on this page.")
        chosen = _chosen(month, self._months(owner)) if listing.month else None
        return Rows(
            table=listing.table,
            month=chosen,
            month_column=listing.month,
            search=search,
            sort=sort or self._order(listing),
            descending=descending if sort else listing.descending,
            page=page,
            size=size,
        )

    def _order(self, listing: Listing) -> str | None:
        known = self.published.tables().get(listing.table, {})
        return listing.order if listing.order in known else None

    def _about(self, column: str, key: str, title: str) -> Response:
        tables = self.published.tables()
        if not any(column in columns for columns in tables.values()):
            raise HTTPException(404, f"Nothing published has a {column}.")
        found = []
        for table in (t for t, columns in tables.items() if column in columns):
            order = next(
                (c for c in ("month", "observed_on", "as_of") if c in tables[table]), None
            )
            rows = self.published.rows(
                Rows(table=table, equals=((column, key),), sort=order, size=36)
            )
            if rows.total:
                found.append((table, rows))
        if not found:
            raise HTTPException(404, f"Nothing is published of this {title.lower()}.")
        return self._rendered(
            "about.html.j2",
            title=title,
            root="../",
            key=key,
            found=found,
            months=[],
            month=None,
        )

    def _rendered(self, template: str, **values: Any) -> HTMLResponse:
        text = _environment.get_template(template).render(
            menu=PAGES, portfolio=self.portfolio, **values
        )
        return HTMLResponse(text)


def _is_there(chart: Chart, tables: dict[str, dict[str, str]]) -> bool:
    return all(table in tables for table in chart.tables)


def _chosen(month: str | None, months: list[dt.date]) -> dt.date | None:
    """Find the month asked for, or the newest there is."""
    if month is None:
        return months[0] if months else None
    return dt.date.fromisoformat(f"{month}-01")


async def _told(request: Request, error: Exception) -> Response:
    """Say what is missing; a reader is no operator and sees no place on the disk."""
    is_missing = isinstance(error, NotPublishedError | NoSuchFileError)
    found = error.found if isinstance(error, ComoveError) else "something went wrong."
    remedy = error.remedy if isinstance(error, ComoveError) else ""
    text = f"{found[:1].upper()}{found[1:]} {remedy}".strip()
    return JSONResponse({"detail": text}, status_code=404 if is_missing else 500)


async def _with_headers(request: Request, call_next: Callable[..., Any]) -> Response:
    response: Response = await call_next(request)
    response.headers.setdefault("Content-Security-Policy", OWN_POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response
