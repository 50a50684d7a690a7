"""The wire: our .proto files, compatible with Pachyderm 2.12, and the code generated from them.

The generated modules load when they are first used, as ``proto.pfs_pb2.Commit``: loading protobuf takes as long as the
rest of a short command.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trunkline.proto import (
        admin_pb2,
        debug_pb2,
        lineage_pb2,
        logs_pb2,
        maintenance_pb2,
        metadata_pb2,
        pfs_pb2,
        pps_pb2,
        taskapi_pb2,
        transaction_pb2,
        version_pb2,
        worker_pb2,
    )

__all__ = [
    "admin_pb2",
    "debug_pb2",
    "lineage_pb2",
    "logs_pb2",
    "maintenance_pb2",
    "metadata_pb2",
    "pfs_pb2",
    "pps_pb2",
    "taskapi_pb2",
    "transaction_pb2",
    "version_pb2",
    "worker_pb2",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"trunkline.proto.{name}")
    raise AttributeError(name)
