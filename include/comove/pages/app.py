"""The web application of the pages.

It knows nothing of Airflow: whoever serves it hands in a guard, which every route obeys,
those of style sheets and reports included.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict
from itertools import chain
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
from pydantic import BaseModel, Field

from comove.errors import ComoveError
from comove.pages import overview
from comove.pages.cards import card_of
from comove.pages.catalogue import PAGES, Chart, Page
from comove.pages.files import WITHOUT_PERSONS, NoSuchFileError, page_file, reports_of
from comove.pages.ks_curve import Cell, cell_figures, ks_curve
from comove.pages.network import network
from comove.pages.persons import HiddenError, hidden
from comove.pages.published import NotPublishedError, Published
from comove.pages.published import Request as Rows
from comove.pages.subjects import (
    SUBJECTS,
    Subject,
    is_known,
    newest_first,
    tables_of,
)
from comove.portfolio import MONTH_PATTERN, load_portfolio
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
Month = Annotated[str | None, Query(pattern=MONTH_PATTERN)]

_environment = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["asdict"] = asdict


class Asked(BaseModel):
    """What a reader chose of a table, as the address has it.

    Parameters
    ----------
    month : str or None
        As 2026-09.
    search, sort : str
        Text to find; column to sort by.
    descending : bool
        Largest first.
    page, size : int
        From 1; rows of a page.
    """

    month: Annotated[str | None, Field(pattern=MONTH_PATTERN)] = None
    search: Annotated[str, Field(max_length=200)] = ""
    sort: Annotated[str, Field(max_length=200)] = ""
    descending: bool = True
    page: Annotated[int, Field(ge=1, le=10_000_000)] = 1
    size: Annotated[int, Field(ge=1, le=500)] = 50


Choice = Annotated[Asked, Query()]


def make_app(settings: Settings, guard: Callable[..., Any]) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    settings : Settings
        Which home's published copy, reports and docs are shown.
    guard : callable
        A FastAPI dependency that raises where the caller may not see the pages, and
        sets ``request.state.sees_persons`` where the role allows to see single persons.

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
            ("/score-drift/cell", self.cell),
            ("/score-drift/cell/curve", self.curve),
            ("/event/{key}/network", self.network),
            ("/{slug}/chart/{name}", self.chart),
            ("/{slug}/table/{table}", self.table),
            ("/{slug}/download/{table}.csv", self.download),
            ("/{word}/{key}/table/{table}", self.table_of),
            ("/{word}/{key}/download/{table}.csv", self.download_of),
            ("/{word}/{key}", self.subject),
            ("/{slug}", self.page),
            # What is nowhere obeys the guard too.
            ("/{anything:path}", self.nothing),
        ):
            app.get(path, response_model=None)(route)

    def front(self, request: Request, month: Month = None) -> Response:
        """Give the overview."""
        if not request.url.path.endswith("/"):
            # Addresses on the page are relative to it.
            return RedirectResponse(request.url.path + "/")
        published = self.published.months(*overview.MONTHS_OF)
        chosen = _chosen(month, published)
        return self._rendered(
            "overview.html.j2",
            title="Overview",
            root="",
            **_selectable(published, chosen),
            figures=overview.figures(self.published, chosen) if chosen else [],
            waiting=overview.waiting(self.published),
            by_month=[page.slug for page in PAGES if page.months_of],
        )

    def page(self, slug: str, request: Request, month: Month = None) -> Response:
        """Give one page; its charts and rows are asked for by the browser."""
        page = self._page(slug)
        published = self._months(page)
        tables = self.published.tables()
        return self._rendered(
            "page.html.j2",
            title=page.title,
            root="",
            page=page,
            **_selectable(published, _chosen(month, published)),
            charts=[one for one in page.charts if _is_there(one, tables)],
            listings=[one for one in page.listings if one.table in tables],
            absent=[one for one in page.listings if one.table not in tables],
            reports=reports_of(
                self.home, page.reports, sees_persons=not _is_masked(request)
            ),
            columns=tables,
        )

    def subject(self, word: str, key: str, request: Request) -> Response:
        """Give everything published of one borrower, event, run or model."""
        subject = self._subject(word, key, request)
        is_masked = _is_masked(request)
        nodes = []
        if subject.word == "event":
            nodes = network(self.published, key, is_masked=is_masked)
        return self._rendered(
            "about.html.j2",
            title=subject.title,
            root="../",
            key=key,
            subject=subject,
            found=tables_of(subject, self.published),
            nodes=nodes,
            card=card_of(self.home, self.published, key) if word == "model" else None,
            is_masked=is_masked,
            months=[],
            month=None,
        )

    def network(self, key: str, request: Request) -> Response:
        """Give an event's linked debtors as points."""
        self._subject("event", key, request)
        rows = network(self.published, key, is_masked=_is_masked(request))
        return JSONResponse({"kind": "network", "rows": rows})

    def cell(self, cell: Annotated[Cell, Query()]) -> Response:
        """Give the page of one cell of the score drift."""
        return self._rendered(
            "cell.html.j2",
            title=f"KS curve: {cell.title}",
            root="../",
            cell=cell,
            figures=cell_figures(self.published, cell),
            months=[],
            month=None,
        )

    def curve(self, cell: Annotated[Cell, Query()]) -> Response:
        """Give the curves of one cell of the score drift."""
        axes = {"x_title": "score", "y_title": "share at or below the score"}
        return JSONResponse({"kind": "curve"} | axes | ks_curve(self.published, cell))

    def nothing(self, anything: str) -> Response:
        """Say that there is no such page."""
        raise HTTPException(404, "There is no such page.")

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

    def table(self, slug: str, table: str, request: Request, asked: Choice) -> Response:
        """Give a page of a table's rows."""
        return self._rows(self._of_page(slug, table, asked, request))

    def table_of(
        self, word: str, key: str, table: str, request: Request, asked: Choice
    ) -> Response:
        """Give a page of a table's rows about one borrower, event, run or model."""
        return self._rows(self._of_subject(word, key, table, asked, request))

    def download(
        self, slug: str, table: str, request: Request, asked: Choice
    ) -> Response:
        """Give a table, as it is selected and sorted, as CSV."""
        return self._csv(table, self._of_page(slug, table, asked, request))

    def download_of(
        self, word: str, key: str, table: str, request: Request, asked: Choice
    ) -> Response:
        """Give a table's rows about one borrower, event, run or model as CSV."""
        return self._csv(table, self._of_subject(word, key, table, asked, request))

    def _rows(self, wanted: Rows) -> Response:
        found = self.published.rows(wanted)
        return JSONResponse(
            found.__dict__ | {"sort": wanted.sort, "descending": wanted.descending}
        )

    def _csv(self, name: str, wanted: Rows) -> Response:
        pieces = self.published.csv(wanted)
        # Errors are told before the answer has begun.
        head = next(pieces)
        return StreamingResponse(
            chain([head], pieces),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )

    def static(self, name: str) -> Response:
        """Give a script or a style sheet."""
        if name not in SCRIPTS:
            raise HTTPException(404, "There is no such file.")
        return FileResponse(
            SCRIPTS[name], headers={"Cache-Control": "private, max-age=3600"}
        )

    def report(self, path: str, request: Request) -> Response:
        """Give a report as it was written; files of rows only to who may see persons."""
        if _is_masked(request) and not path.endswith(WITHOUT_PERSONS):
            raise hidden("reports")
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

    def _of_page(self, slug: str, table: str, asked: Asked, request: Request) -> Rows:
        owner = self._page(slug)
        listing = next((one for one in owner.listings if one.slug == table), None)
        if listing is None:
            raise HTTPException(404, "There is no such table on this page.")
        chosen = _chosen(asked.month, self._months(owner)) if listing.month else None
        known = self.published.columns(listing.table)
        order = listing.order if listing.order in known else None
        return Rows(
            table=listing.table,
            month=chosen,
            month_column=listing.month,
            search=asked.search,
            sort=asked.sort or order,
            descending=asked.descending if asked.sort else listing.descending,
            page=asked.page,
            size=asked.size,
            is_masked=_is_masked(request),
        )

    def _of_subject(
        self, word: str, key: str, table: str, asked: Asked, request: Request
    ) -> Rows:
        subject = self._subject(word, key, request)
        name = table.replace("-", ".", 1)
        if name not in tables_of(subject, self.published):
            raise HTTPException(404, "There is no such table on this page.")
        return Rows(
            table=name,
            equals=((subject.column, key),),
            search=asked.search,
            sort=asked.sort or newest_first(name, self.published),
            descending=asked.descending if asked.sort else True,
            page=asked.page,
            size=asked.size,
            is_masked=_is_masked(request),
        )

    def _subject(self, word: str, key: str, request: Request) -> Subject:
        if word not in SUBJECTS:
            raise HTTPException(404, "There is no such page.")
        subject = SUBJECTS[word]
        if subject.is_person and _is_masked(request):
            raise hidden(subject.title)
        if not is_known(subject, key, self.published):
            raise HTTPException(404, f"Nothing is published of this {word}.")
        return subject

    def _rendered(self, template: str, **values: Any) -> HTMLResponse:
        text = _environment.get_template(template).render(
            menu=PAGES, portfolio=self.portfolio, **values
        )
        return HTMLResponse(text)


def _is_masked(request: Request) -> bool:
    """Whether the reader may not see persons; not, unless the guard has said so."""
    return getattr(request.state, "sees_persons", False) is not True


def _is_there(chart: Chart, tables: dict[str, dict[str, str]]) -> bool:
    return all(table in tables for table in chart.tables)


def _chosen(month: str | None, months: list[dt.date]) -> dt.date | None:
    """Find the month asked for, or the newest there is."""
    if month is None:
        return months[0] if months else None
    return dt.date.fromisoformat(f"{month}-01")


def _selectable(
    published: list[dt.date], chosen: dt.date | None
) -> dict[str, list[tuple[dt.date, bool]] | dt.date | None]:
    """Months to choose from, newest first, each with whether anything is published.

    The one asked for is among them in any case: else another would seem to be shown.
    """
    months = {*published, *([chosen] if published and chosen else [])}
    return {
        "months": [(one, one in published) for one in sorted(months, reverse=True)],
        "month": chosen,
    }


async def _told(request: Request, error: Exception) -> Response:
    """Say what is missing; a reader is no operator and sees no place on the disk."""
    status = 500
    if isinstance(error, HiddenError):
        status = 403
    elif isinstance(error, NotPublishedError | NoSuchFileError):
        status = 404
    found = error.found if isinstance(error, ComoveError) else "something went wrong."
    remedy = error.remedy if isinstance(error, ComoveError) else ""
    text = f"{found[:1].upper()}{found[1:]} {remedy}".strip()
    return JSONResponse({"detail": text}, status_code=status)


async def _with_headers(request: Request, call_next: Callable[..., Any]) -> Response:
    response: Response = await call_next(request)
    response.headers.setdefault("Content-Security-Policy", OWN_POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response
