"""The service ``pps_v2.API``: pipelines, jobs, datums, logs. Each part is a module of its own."""

import grpc

from trunkline.api.actions import Actions
from trunkline.api.admin.inactive import NOT_ACTIVATED
from trunkline.api.pps.datums import DatumMethods
from trunkline.api.pps.defaults import DefaultsMethods
from trunkline.api.pps.job_logs import LogMethods
from trunkline.api.pps.jobs import JobMethods
from trunkline.api.pps.load_tests import PpsLoadTestMethods
from trunkline.api.pps.pipelines import PipelineMethods
from trunkline.api.pps.secrets import SecretMethods
from trunkline.api.pps.tasks import TaskMethods
from trunkline.errors import NotSupportedError
from trunkline.pfs.versioning import Versioning
from trunkline.pps.datums.datum_table import DatumTables
from trunkline.pps.jobs.executor import Executor
from trunkline.pps.logs.reading import Logs
from trunkline.pps.residents.upkeep import Residents
from trunkline.pps.secrets import Secrets
from trunkline.proto import pps_pb2, pps_pb2_grpc


class PpsService(
    PipelineMethods,
    JobMethods,
    DatumMethods,
    LogMethods,
    SecretMethods,
    DefaultsMethods,
    PpsLoadTestMethods,
    TaskMethods,
    pps_pb2_grpc.APIServicer,
):
    """Each method parses, calls one function, converts what it returns."""

    def __init__(
        self,
        versioning: Versioning,
        actions: Actions,
        *,
        executor: Executor,
        residents: Residents,
        logs: Logs,
        secrets: Secrets,
    ) -> None:
        self._versioning = versioning
        self._executor = executor
        self._residents = residents
        self._logs = logs
        self._secrets = secrets
        self._actions = actions
        self._records = DatumTables(versioning.file_sets.tables)

    def ActivateAuth(
        self, request: pps_pb2.ActivateAuthRequest, context: grpc.ServicerContext
    ) -> pps_pb2.ActivateAuthResponse:
        raise NotSupportedError(NOT_ACTIVATED)
