"""Who gets which external port."""

import pytest

from trunkline.model.pipelines import PipelineSpec, Service, Spout
from trunkline.model.residents import Place
from trunkline.pps.residents.ports import claimed_ports, closed_port_problem


def serving(internal: int, external: int) -> PipelineSpec:
    return PipelineSpec(service=Service(internal_port=internal, external_port=external))


def test_the_first_gets_a_port_and_the_second_is_told_whose_it_is() -> None:
    wanted = [(Place(1, 0), "default/a", serving(80, 90)), (Place(2, 0), "default/b", serving(81, 90))]

    assert claimed_ports(wanted) == (
        {90: 80},
        {Place(2, 0): "service.externalPort: pipeline default/a has port 90: choose another"},
    )


@pytest.mark.parametrize(
    ("spec", "ports"),
    [
        (serving(80, 0), {}),
        (serving(80, 80), {}),
        (serving(80, 90), {90: 80}),
        (PipelineSpec(spout=Spout(Service(internal_port=80, external_port=90))), {90: 80}),
        (PipelineSpec(spout=Spout()), {}),
    ],
)
def test_only_another_port_than_its_own_is_passed_on(spec: PipelineSpec, ports: dict[int, int]) -> None:
    assert claimed_ports([(Place(1, 0), "default/a", spec)]) == (ports, {})


def test_a_port_that_cannot_be_had_concerns_who_wants_it() -> None:
    closed = {90: "Address already in use"}

    assert closed_port_problem(serving(80, 90), closed) == (
        "service.externalPort: cannot listen at port 90 of this machine: Address already in use: "
        "end what listens there, or choose another port"
    )
    assert closed_port_problem(serving(80, 91), closed) == ""
    assert closed_port_problem(PipelineSpec(spout=Spout()), closed) == ""
