from trunkline.proto import pfs_pb2 as _pfs_pb2
from trunkline.proto import pps_pb2 as _pps_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExplainRequest(_message.Message):
    __slots__ = ("job", "examples")
    JOB_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    job: _pps_pb2.Job
    examples: int
    def __init__(self, job: _Optional[_Union[_pps_pb2.Job, _Mapping]] = ..., examples: _Optional[int] = ...) -> None: ...

class PlanRequest(_message.Message):
    __slots__ = ("create_pipeline_request_json", "reprocess", "examples")
    CREATE_PIPELINE_REQUEST_JSON_FIELD_NUMBER: _ClassVar[int]
    REPROCESS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    create_pipeline_request_json: str
    reprocess: bool
    examples: int
    def __init__(self, create_pipeline_request_json: _Optional[str] = ..., reprocess: _Optional[bool] = ..., examples: _Optional[int] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("pipeline", "total", "to_run", "skipped", "deleted", "causes")
    PIPELINE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    TO_RUN_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    CAUSES_FIELD_NUMBER: _ClassVar[int]
    pipeline: _pps_pb2.Pipeline
    total: int
    to_run: int
    skipped: int
    deleted: int
    causes: _containers.RepeatedCompositeFieldContainer[Cause]
    def __init__(self, pipeline: _Optional[_Union[_pps_pb2.Pipeline, _Mapping]] = ..., total: _Optional[int] = ..., to_run: _Optional[int] = ..., skipped: _Optional[int] = ..., deleted: _Optional[int] = ..., causes: _Optional[_Iterable[_Union[Cause, _Mapping]]] = ...) -> None: ...

class Cause(_message.Message):
    __slots__ = ("why", "datums", "examples")
    WHY_FIELD_NUMBER: _ClassVar[int]
    DATUMS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    why: str
    datums: int
    examples: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, why: _Optional[str] = ..., datums: _Optional[int] = ..., examples: _Optional[_Iterable[str]] = ...) -> None: ...

class LineageRequest(_message.Message):
    __slots__ = ("file",)
    FILE_FIELD_NUMBER: _ClassVar[int]
    file: _pfs_pb2.File
    def __init__(self, file: _Optional[_Union[_pfs_pb2.File, _Mapping]] = ...) -> None: ...

class LineageStep(_message.Message):
    __slots__ = ("depth", "file", "job", "datum_id", "ran_because", "pipeline_version", "spec_commit", "is_code")
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    DATUM_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_BECAUSE_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    SPEC_COMMIT_FIELD_NUMBER: _ClassVar[int]
    IS_CODE_FIELD_NUMBER: _ClassVar[int]
    depth: int
    file: _pfs_pb2.File
    job: _pps_pb2.Job
    datum_id: str
    ran_because: str
    pipeline_version: int
    spec_commit: _pfs_pb2.Commit
    is_code: bool
    def __init__(self, depth: _Optional[int] = ..., file: _Optional[_Union[_pfs_pb2.File, _Mapping]] = ..., job: _Optional[_Union[_pps_pb2.Job, _Mapping]] = ..., datum_id: _Optional[str] = ..., ran_because: _Optional[str] = ..., pipeline_version: _Optional[int] = ..., spec_commit: _Optional[_Union[_pfs_pb2.Commit, _Mapping]] = ..., is_code: _Optional[bool] = ...) -> None: ...
