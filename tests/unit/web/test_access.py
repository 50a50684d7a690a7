from pathlib import Path

import pytest

from trunkline.auth.access import AccessRule
from trunkline.web.access import turn_away

RULE = AccessRule(1000, "sesame" * 4, Path("/state/token"))
BEARER = {"authorization": f"Bearer {RULE.token}"}


@pytest.mark.parametrize(
    ("uid", "headers", "status"),
    [
        (1000, {"host": "127.0.0.1:30600"}, None),
        (1000, {"host": "localhost"}, None),
        (1000, {"host": "[::1]:30600"}, None),
        (1000, {}, None),
        (1000, {"host": "evil.example:30600"}, 421),
        (1000, {"host": "127.0.0.1.evil.example"}, 421),
        (1000, {"host": "localhost.evil.example"}, 421),
        (1000, {"host": "evil.example@127.0.0.1.evil.example"}, 421),
        (1000, {"host": "192.0.2.1"}, 421),
        (1000, {"host": "[::1"}, 421),
        (1000, {"host": "localhost:30600", "origin": "http://localhost:30600"}, None),
        (1000, {"host": "localhost:30600", "origin": "http://localhost:8888"}, 403),
        (1000, {"host": "localhost:30600", "origin": "https://evil.example"}, 403),
        (1000, {"host": "localhost:30600", "origin": "null"}, 403),
        (1001, {"host": "localhost"}, 403),
        (None, {"host": "localhost"}, 401),
        (1001, {"host": "localhost", **BEARER}, None),
        (None, {"host": "proxy.example", **BEARER}, None),
        (1001, {"host": "localhost", "authorization": f"bearer  {RULE.token}"}, None),
        (1001, {"host": "localhost", "authorization": f"Basic {RULE.token}"}, 403),
        (1001, {"host": "localhost", "authorization": "Bearer "}, 403),
    ],
)
def test_requests_come_from_the_right_user_and_from_no_other_site(
    uid: int | None, headers: dict[str, str], status: int | None
) -> None:
    turned = turn_away(RULE, uid, headers)

    assert (turned.status if turned else None) == status


def test_other_sites_are_kept_out_where_all_local_users_are_let_in() -> None:
    rule = AccessRule(1000, RULE.token, RULE.token_file, allows_local_users=True)

    assert turn_away(rule, 1001, {"host": "localhost"}) is None
    assert turn_away(rule, 1001, {"host": "evil.example"}) is not None
