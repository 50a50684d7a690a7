"""The service ``enterprise_v2.API``, of which there is only the answer that there is none."""

import grpc

from trunkline.proto import enterprise_pb2, enterprise_pb2_grpc


class EnterpriseService(enterprise_pb2_grpc.APIServicer):
    """Everything is on without a licence."""

    def GetState(
        self, request: enterprise_pb2.GetStateRequest, context: grpc.ServicerContext
    ) -> enterprise_pb2.GetStateResponse:
        return enterprise_pb2.GetStateResponse(state=enterprise_pb2.State.NONE)
