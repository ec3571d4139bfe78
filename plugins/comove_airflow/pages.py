"""comove's pages inside Airflow's web server, behind its login."""

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

PREFIX = "/comove"
# Who may have a person assessed may see one; every auth manager knows DAGs.
ASKS_ABOUT_PERSONS = "overdue_assessment"


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

    def app(self) -> "FastAPI":
        """Give the application, guarded on every route.

        Who may see Airflow's own pages may see these; nobody without a login may. Keys
        and belongings of persons are shown to who may trigger `ASKS_ABOUT_PERSONS`.
        """
        with self._lock:
            if self._app is None:
                self._app = _made()
            return self._app


def _made() -> "FastAPI":
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import (
        AccessView,
        DagAccessEntity,
        DagDetails,
    )
    from airflow.api_fastapi.core_api.security import GetUserDep
    from fastapi import HTTPException, Request

    from comove.pages.app import make_app
    from comove.settings import Settings

    def guard(request: Request, user: GetUserDep) -> None:
        """Turn away who may not see Airflow; note who may see single persons."""
        manager = get_auth_manager()
        if not manager.is_authorized_view(access_view=AccessView.WEBSITE, user=user):
            raise HTTPException(403, "Your role does not allow to see these pages.")
        request.state.sees_persons = manager.is_authorized_dag(
            method="POST",
            access_entity=DagAccessEntity.RUN,
            details=DagDetails(id=ASKS_ABOUT_PERSONS),
            user=user,
        )

    return make_app(Settings(), guard)


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
