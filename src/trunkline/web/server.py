"""The HTTP server: one ASGI application on a thread of its own."""

import socket
import threading
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from trunkline.auth.access import AccessRule
from trunkline.errors import UnavailableError
from trunkline.pfs.versioning import Versioning
from trunkline.supervision import Supervisor
from trunkline.web.access import Doorkeeper, PeerProtocol
from trunkline.web.chunks import ChunkEndpoint
from trunkline.web.files import FileEndpoint
from trunkline.web.health import health_endpoint

_METHODS = ["GET", "HEAD"]


def application(versioning: Versioning, supervisor: Supervisor) -> Starlette:
    """Return the application: ``/healthz``, ``/pfs/…`` and ``/chunks/…``."""
    files = FileEndpoint(versioning)
    chunks = ChunkEndpoint(versioning)

    def read(request: Request) -> object:
        return files(request)

    def read_chunk(request: Request) -> object:
        return chunks(request)

    app = Starlette(
        routes=[
            Route("/healthz", health_endpoint(supervisor), methods=_METHODS),
            Route("/chunks/{reference}", read_chunk, methods=_METHODS),
            Route("/pfs/{project}/{repo}/{ref}", read, methods=_METHODS),
            Route("/pfs/{project}/{repo}/{ref}/{path:path}", read, methods=_METHODS),
        ],
    )
    # A path with a slash too many is another path; the redirect would be made of what the request says of the host.
    app.router.redirect_slashes = False
    return app


@dataclass(frozen=True, slots=True)
class HttpServer:
    """A server that answers at ``address``."""

    address: str
    _server: uvicorn.Server
    _thread: threading.Thread

    def stop(self) -> None:
        """End it; transfers under way are cut."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join()


def start_http_server(
    versioning: Versioning, supervisor: Supervisor, *, access: AccessRule, host: str, port: int
) -> HttpServer:
    """Serve on host and port; port 0 picks a free one. Raise UnavailableError where the port is taken."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        hint = "--http-port names another, 0 any that is free"
        raise UnavailableError(f"cannot listen on {host}:{port}: {error.strerror}; {hint}") from error
    config = uvicorn.Config(
        Doorkeeper(application(versioning, supervisor), access),
        http=PeerProtocol,
        log_level="warning",
        lifespan="off",
        ws="none",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=lambda: supervisor.run_to_end("http", lambda: server.run([listener])), name="http", daemon=True
    )
    thread.start()
    written = f"[{host}]" if ":" in host else host
    return HttpServer(f"http://{written}:{listener.getsockname()[1]}", server, thread)
