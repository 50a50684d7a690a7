"""Whether the server does its work: what probes and people ask first."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse

from trunkline.supervision import Supervisor


def health_endpoint(supervisor: Supervisor) -> Callable[[Request], PlainTextResponse]:
    """Return what answers ``/healthz``: 503 when a background thread fails; below, a line for all that fails.

    What fails for one user only, such as one cron input, is told, and leaves the server healthy.
    """

    def answer(_: Request) -> PlainTextResponse:
        troubles = supervisor.troubles()
        is_healthy = not any(trouble.is_vital for trouble in troubles)
        lines = ["healthy" if is_healthy else "unhealthy", *map(str, troubles)]
        return PlainTextResponse("".join(f"{line}\n" for line in lines), status_code=200 if is_healthy else 503)

    return answer
