"""The method ``ListTask`` of ``pps_v2.API``: the datum sets that run, as the field's tasks."""

import json
from collections.abc import Iterator

import grpc

from trunkline.pfs.versioning import Versioning
from trunkline.pps.jobs.executor import Executor
from trunkline.pps.queries import jobs
from trunkline.proto import taskapi_pb2


class TaskMethods:
    """What is being done right now."""

    _versioning: Versioning
    _executor: Executor

    def ListTask(
        self, request: taskapi_pb2.ListTaskRequest, context: grpc.ServicerContext
    ) -> Iterator[taskapi_pb2.TaskInfo]:
        """Answer with running datum sets: the namespace is ``project/pipeline``, the group the job."""
        with self._versioning.reading() as tx:
            unfinished = jobs.unfinished_jobs(tx.connection)
        for job in unfinished:
            group = taskapi_pb2.Group(namespace=f"{job.project}/{job.pipeline}", group=job.id)
            wanted = request.group
            if wanted.namespace not in ("", group.namespace) or wanted.group not in ("", group.group):
                continue
            for datum_set in self._executor.running(str(job.key)):
                yield taskapi_pb2.TaskInfo(
                    id=f"{job.id}-{datum_set.index}",
                    group=group,
                    state=taskapi_pb2.State.RUNNING,
                    input_type="datum set",
                    input_data=json.dumps({"datums": len(datum_set.datums), "attempt": datum_set.attempt}),
                )
