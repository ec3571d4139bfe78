"""A web server on this machine that keeps what is posted to it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver(ThreadingHTTPServer):
    """Takes messages; answers `status` to every post, once `meeting` is complete."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posts: list[dict[str, Any]] = []
        self.status = 200
        self.meeting = threading.Barrier(1)

    def address(self, path: str = "") -> str:
        """Apprise URL that posts JSON to this server."""
        return f"json://127.0.0.1:{self.server_port}/{path}"

    @property
    def titles(self) -> list[str]:
        return [post["title"] for post in self.posts]

    @property
    def bodies(self) -> list[str]:
        return [post["message"] for post in self.posts]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append(json.loads(text) | {"path": self.path})
        self.server.meeting.wait(timeout=3)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
