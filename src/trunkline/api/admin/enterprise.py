"""The service ``enterprise_v2.API``, of which there is only the answer that there is none."""

import grpc

from trunkline.proto import enterprise_pb2, enterprise_pb2_grpc


class EnterpriseService(enterprise_pb2_grpc.APIServicer):
    """Everything is on without a licence."""

    def GetActivationCode(
        self, request: enterprise_pb2.GetActivationCodeRequest, context: grpc.ServicerContext
    ) -> enterprise_pb2.GetActivationCodeResponse:
        return enterprise_pb2.GetActivationCodeResponse(state=enterprise_pb2.State.NONE)

    def PauseStatus(
        self, request: enterprise_pb2.PauseStatusRequest, context: grpc.ServicerContext
    ) -> enterprise_pb2.PauseStatusResponse:
        return enterprise_pb2.PauseStatusResponse(status=enterprise_pb2.PauseStatusResponse.PauseStatus.UNPAUSED)

    def GetState(
        self, request: enterprise_pb2.GetStateRequest, context: grpc.ServicerContext
    ) -> enterprise_pb2.GetStateResponse:
        return enterprise_pb2.GetStateResponse(state=enterprise_pb2.State.NONE)
