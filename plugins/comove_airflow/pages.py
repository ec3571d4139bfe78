"""comove's pages inside Airflow's web server, behind its login."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

PREFIX = "/comove"


class Pages:
    """The pages as an ASGI application, made when somebody first asks for one.

    Airflow reads its plugins in every process; only the web server shows pages, so that
    only there is imported what they need.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._app: FastAPI | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        await self.app()(scope, receive, send)

    def app(self) -> FastAPI:
        """Give the application, guarded on every route.

        Who may see Airflow's own pages may see these; nobody without a login may.
        """
        with self._lock:
            if self._app is None:
                self._app = _made()
            return self._app


def _made() -> FastAPI:
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.core_api.security import requires_access_view

    from comove.pages.app import make_app
    from comove.settings import Settings

    return make_app(Settings(), requires_access_view(AccessView.WEBSITE))


MOUNTED = [{"app": Pages(), "url_prefix": PREFIX, "name": "comove"}]
MENU = [
    {
        "name": "comove",
        "href": f"{PREFIX}/",
        "url_route": "comove",
        "destination": "nav",
        "nav_top_level": True,
    }
]
