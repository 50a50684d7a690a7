"""A connection to one server: its services as attributes, its failures as our errors."""

import importlib
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from trunkline.client.addresses import Address, parse_address
from trunkline.client.batches import Metadata
from trunkline.client.channel import open_channel
from trunkline.client.config import Context, read_config, tell_local_port
from trunkline.client.edits import EditSender, Requests
from trunkline.client.local_server import (
    ensure_server,
    find_server,
    home_directory,
    read_proof,
    read_token,
    shares_files,
)
from trunkline.client.stubs import TranslatingStub
from trunkline.config import PROOF_KEY
from trunkline.errors import NotSupportedError
from trunkline.proto import admin_pb2, pfs_pb2
from trunkline.proto.pfs_pb2_grpc import APIStub

if TYPE_CHECKING:
    from trunkline.proto.admin_pb2_grpc import APIStub as AdminStub
    from trunkline.proto.debug_pb2_grpc import DebugStub
    from trunkline.proto.lineage_pb2_grpc import LineageStub
    from trunkline.proto.logs_pb2_grpc import APIStub as LogsStub
    from trunkline.proto.maintenance_pb2_grpc import MaintenanceStub
    from trunkline.proto.metadata_pb2_grpc import APIStub as MetadataStub
    from trunkline.proto.pfs_pb2_grpc import APIStub as PFSStub
    from trunkline.proto.pps_pb2_grpc import APIStub as PPSStub
    from trunkline.proto.transaction_pb2_grpc import APIStub as TransactionStub
    from trunkline.proto.version_pb2_grpc import APIStub as VersionStub
    from trunkline.proto.worker_pb2_grpc import WorkerStub


def connect(
    address: str | None = None,
    *,
    context: Context | None = None,
    rpc_timeout_seconds: float | None = None,
    announce: Callable[[str], None] = lambda _line: None,
) -> "Client":
    """Return a client of a server; the first call dials.

    The server is that of ``address``, else of ``PACHD_ADDRESS``, else of ``context`` (by default the active one of the
    configuration file). A context without an address means the local server, which is started in the background if
    none answers; ``announce`` is told so. The token is the context's, else that of ``PACH_TOKEN``, else the local
    server's own.
    """
    if context is None:
        context = Context() if address else read_config().context()[1]
    named = address or os.environ.get("PACHD_ADDRESS", "") or context.pachd_address
    token = context.session_token or os.environ.get("PACH_TOKEN", "")
    if named:
        found = parse_address(named)
    else:
        home = home_directory()
        found = ensure_server(home, announce=announce).address
        tell_local_port(found.port)
        token = token or read_token(home)
    return Client(
        found,
        session_token=token,
        transaction=context.active_transaction,
        server_cas=context.server_cas if named == context.pachd_address else "",
        rpc_timeout_seconds=rpc_timeout_seconds,
        home=None if named else home,
    )


class Client:
    """One server's services. Calls raise `trunkline.errors`; streams are iterators with ``cancel()``.

    Services load when they are first used, since most programs use few.
    """

    def __init__(
        self,
        address: Address,
        *,
        session_token: str = "",
        transaction: str = "",
        server_cas: str = "",
        rpc_timeout_seconds: float | None = None,
        home: Path | None = None,
    ) -> None:
        """home: of the local server, if it is that one; `follow` finds it there again."""
        self.address = address
        self._home = home
        self._server_cas = server_cas
        headers = {"authn-token": session_token, "pach-transaction": transaction}
        self._proof = ""
        self._metadata: Metadata = tuple((name, value) for name, value in headers.items() if value)
        self._timeout_seconds = rpc_timeout_seconds
        self._moving = threading.Lock()
        self._channel = open_channel(address, server_cas=server_cas)

    @cached_property
    def pfs(self) -> "PFSStub":
        """Projects, repos, branches, commits, files."""
        return cast("PFSStub", self._service("pfs"))

    @cached_property
    def pps(self) -> "PPSStub":
        """Pipelines, jobs, datums, logs."""
        return cast("PPSStub", self._service("pps"))

    @cached_property
    def transaction(self) -> "TransactionStub":
        """Transactions."""
        return cast("TransactionStub", self._service("transaction"))

    @cached_property
    def admin(self) -> "AdminStub":
        """The server as a whole."""
        return cast("AdminStub", self._service("admin"))

    @cached_property
    def version(self) -> "VersionStub":
        """The server's version."""
        return cast("VersionStub", self._service("version"))

    @cached_property
    def metadata(self) -> "MetadataStub":
        """Key-value pairs attached to objects."""
        return cast("MetadataStub", self._service("metadata"))

    @cached_property
    def debug(self) -> "DebugStub":
        """Load tests, and what helps to find out what the server does."""
        return cast("DebugStub", self._service("debug", "DebugStub"))

    @cached_property
    def lineage(self) -> "LineageStub":
        """Why things are as they are."""
        return cast("LineageStub", self._service("lineage", "LineageStub"))

    @cached_property
    def maintenance(self) -> "MaintenanceStub":
        """What keeps the store in order."""
        return cast("MaintenanceStub", self._service("maintenance", "MaintenanceStub"))

    @cached_property
    def logs(self) -> "LogsStub":
        """Questions to the logs of all pipelines."""
        return cast("LogsStub", self._service("logs"))

    @cached_property
    def worker(self) -> "WorkerStub":
        """What a worker offers to the user code beside it; at its own port."""
        return cast("WorkerStub", self._service("worker", "WorkerStub"))

    def reads_our_files(self) -> bool:
        """Return whether the server can read a local file by its path, so that its bytes need not be sent."""
        try:
            info = self.admin.InspectCluster(admin_pb2.InspectClusterRequest())
        except NotSupportedError:
            return False
        if not shares_files(info.state_directory, info.deployment_id):
            return False
        self._proof = read_proof(info.state_directory)
        return bool(self._proof)

    def modify_file(self, requests: Requests, *, compress: bool = False) -> None:
        """Send one edit: it happens as a whole when this returns, and not at all if requests, or the caller, fails."""
        self._sender(compress).send(requests)

    def modify_file_in_parts(
        self, target: pfs_pb2.Commit, parts: Sequence[Requests], *, parallelism: int, compress: bool = False
    ) -> None:
        """Send one edit as parts, so many at a time, which do what they would do one after the other; all or nothing.

        Parts hold no ``set_commit``. They end in file sets first, which know nothing of the target: so it is asked for.
        """
        with suppress(NotSupportedError):  # other servers tell at the end
            self.maintenance.CheckWritable(target)
        self._sender(compress).send_parts(target, parts, parallelism=parallelism)

    def _sender(self, compress: bool) -> EditSender:
        proof = ((PROOF_KEY, self._proof),) if self._proof else ()
        return EditSender(APIStub(self._channel), self.address, (*self._metadata, *proof), compress)

    def follow(self) -> bool:
        """Call the local server from now on where it is now; return whether that is another place than before.

        Calls under way at the old place go on there.
        """
        record = find_server(self._home) if self._home is not None else None
        with self._moving:
            if record is None or record.address == self.address:
                return False
            self.address = record.address
            self._channel = open_channel(self.address, server_cas=self._server_cas)
            for name in [name for name, value in vars(self).items() if isinstance(value, TranslatingStub)]:
                delattr(self, name)
        return True

    def close(self) -> None:
        """Close the channel; calls that run are cancelled."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _service(self, name: str, kind: str = "APIStub") -> object:
        return TranslatingStub(
            getattr(importlib.import_module(f"trunkline.proto.{name}_pb2_grpc"), kind),
            importlib.import_module(f"trunkline.proto.{name}_pb2").DESCRIPTOR.services_by_name[
                kind.removesuffix("Stub")
            ],
            self._channel,
            self.address,
            metadata=self._metadata,
            timeout_seconds=self._timeout_seconds,
        )
