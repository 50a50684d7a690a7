import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from trunkline.proto import pfs_pb2 as _pfs_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CollectGarbageRequest(_message.Message):
    __slots__ = ("grace",)
    GRACE_FIELD_NUMBER: _ClassVar[int]
    grace: _duration_pb2.Duration
    def __init__(self, grace: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CollectGarbageResponse(_message.Message):
    __slots__ = ("deleted_objects", "deleted_bytes", "condemned_objects", "moved_chunks")
    DELETED_OBJECTS_FIELD_NUMBER: _ClassVar[int]
    DELETED_BYTES_FIELD_NUMBER: _ClassVar[int]
    CONDEMNED_OBJECTS_FIELD_NUMBER: _ClassVar[int]
    MOVED_CHUNKS_FIELD_NUMBER: _ClassVar[int]
    deleted_objects: int
    deleted_bytes: int
    condemned_objects: int
    moved_chunks: int
    def __init__(self, deleted_objects: _Optional[int] = ..., deleted_bytes: _Optional[int] = ..., condemned_objects: _Optional[int] = ..., moved_chunks: _Optional[int] = ...) -> None: ...
