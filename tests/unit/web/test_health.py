from starlette.requests import Request
from starlette.responses import Response

from trunkline.supervision import Supervisor
from trunkline.web.health import health_endpoint


def ask(supervisor: Supervisor) -> Response:
    return health_endpoint(supervisor)(Request({"type": "http"}))


def fail() -> None:
    raise OSError("disk gone")


def test_a_server_is_healthy_while_one_users_thing_fails_and_tells_of_it() -> None:
    supervisor = Supervisor()
    supervisor.attempt("timer", "cron input ticks", fail)

    answer = ask(supervisor)

    assert answer.status_code == 200
    first, second = bytes(answer.body).decode().splitlines()
    assert first == "healthy"
    assert "cron input ticks" in second
    assert "disk gone" in second


def test_a_server_is_unhealthy_while_a_thread_fails() -> None:
    supervisor = Supervisor()
    supervisor.run_to_end("controller", fail)

    answer = ask(supervisor)

    assert answer.status_code == 503
    assert "controller: fails since" in bytes(answer.body).decode()
