"""Who may call: decided from what is known of the caller, without looking anything up."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a caller is turned away, and what helps."""

    reason: str
    is_known: bool
    """Whether we know who it is: then it is somebody who may not, else somebody who has yet to say."""


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Who may call one server: its own user, whoever shows its token, or every local user where it is told so."""

    own_uid: int | None
    """The server's user; None where the system cannot tell that user from others."""
    token: str
    token_file: Path
    allows_local_users: bool = False

    def token_fits(self, shown: Iterable[str | bytes]) -> bool:
        """Return whether one of the tokens that came with a call is ours; takes as long for each that is not."""
        ours = self.token.encode()
        found = False
        for each in shown:
            found |= hmac.compare_digest(each if isinstance(each, bytes) else each.encode(errors="replace"), ours)
        return found

    def refusal(self, peer_uid: int | None) -> Refusal | None:
        """Return why a local caller without our token may not call, or None. No uid: the kernel gave no word."""
        if self.allows_local_users or (peer_uid is not None and peer_uid == self.own_uid):
            return None
        help_ = (
            f"show the token in {self.token_file} (PACH_TOKEN for pachctl, auth_token for the SDK, "
            "Authorization: Bearer over HTTP), or have the server started with --allow-local-users"
        )
        if peer_uid is None or self.own_uid is None:
            return Refusal(f"the system does not tell whose connection this is: {help_}", is_known=False)
        return Refusal(
            f"user {peer_uid} may not use this server, which is user {self.own_uid}'s alone: {help_}", is_known=True
        )
