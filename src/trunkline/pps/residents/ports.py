"""The external ports of services: who gets which, and what to tell who gets none. Pure."""

from collections.abc import Iterable, Mapping

from trunkline.model.pipelines import PipelineSpec
from trunkline.model.residents import Place


def claimed_ports(
    wanted: Iterable[tuple[Place, str, PipelineSpec]],
) -> tuple[dict[int, int], dict[Place, str]]:
    """Return which ports are to lead where, and what is wrong with processes whose port another one has.

    Each process is given with the name of its pipeline.
    """
    ports: dict[int, int] = {}
    owners: dict[int, str] = {}
    problems = {}
    for place, pipeline, spec in wanted:
        service = spec.served
        if service is None or service.external_port in (0, service.internal_port):
            continue
        port = service.external_port
        if port in ports:
            problems[place] = f"service.externalPort: pipeline {owners[port]} has port {port}: choose another"
            continue
        ports[port], owners[port] = service.internal_port, pipeline
    return ports, problems


def closed_port_problem(spec: PipelineSpec, closed: Mapping[int, str]) -> str:
    """Return what to tell a service whose external port is among those that cannot be had; empty for others."""
    service = spec.served
    if service is None or service.external_port not in closed:
        return ""
    return (
        f"service.externalPort: cannot listen at port {service.external_port} of this machine: "
        f"{closed[service.external_port]}: end what listens there, or choose another port"
    )


def places_of(spec: PipelineSpec) -> int:
    """Return how many processes of a spout or service run at a time."""
    return max(1, spec.parallelism_spec.constant) if spec.parallelism_spec is not None else 1
