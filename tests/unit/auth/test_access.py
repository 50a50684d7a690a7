from pathlib import Path

import pytest

from trunkline.auth.access import AccessRule

TOKEN = "sesame" * 4


def rule(own_uid: int | None = 1000, *, allows_local_users: bool = False) -> AccessRule:
    return AccessRule(own_uid, TOKEN, Path("/home/ada/.trunkline/token"), allows_local_users)


def test_the_servers_user_may_call_and_others_may_not() -> None:
    refusal = rule().refusal(1001)

    assert rule().refusal(1000) is None
    assert refusal is not None
    assert refusal.is_known
    assert "user 1001 may not use this server, which is user 1000's alone" in refusal.reason


def test_root_is_another_user() -> None:
    assert rule().refusal(0) is not None


@pytest.mark.parametrize("own_uid", [1000, None])
def test_where_the_system_gives_no_word_only_the_token_helps_and_we_say_where_it_is(own_uid: int | None) -> None:
    refusal = rule(own_uid).refusal(None)

    assert refusal is not None
    assert not refusal.is_known
    assert "show the token in /home/ada/.trunkline/token" in refusal.reason
    assert rule(own_uid, allows_local_users=True).refusal(None) is None


def test_where_users_cannot_be_told_apart_no_uid_is_enough() -> None:
    assert rule(None).refusal(1000) is not None


@pytest.mark.parametrize(
    ("shown", "fits"),
    [
        ([TOKEN], True),
        ([TOKEN.encode()], True),
        (["x", TOKEN], True),
        ([], False),
        ([""], False),
        ([TOKEN[:-1]], False),
        ([f"{TOKEN} "], False),
        (["é\udcff"], False),
    ],
)
def test_only_the_whole_token_fits(shown: list[str | bytes], fits: bool) -> None:
    assert rule().token_fits(shown) == fits
