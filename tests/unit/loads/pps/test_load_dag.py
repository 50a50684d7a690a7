import pytest

from trunkline.errors import InvalidInputError
from trunkline.loads.pps.run import DEFAULT_DAG_SPEC, Node, parse_dag


def test_nodes_come_after_their_inputs_and_the_first_source_first() -> None:
    nodes = parse_dag("end: left, right\nleft: a\n\nright: a,b\na:\nb:\n")

    assert nodes == [
        Node("a"),
        Node("b"),
        Node("left", ("a",)),
        Node("right", ("a", "b")),
        Node("end", ("left", "right")),
    ]


def test_the_default_dag_is_a_source_and_a_pipeline() -> None:
    source, pipeline = parse_dag(DEFAULT_DAG_SPEC)

    assert source.inputs == ()
    assert pipeline.inputs == (source.name,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "DAG spec, line 1: 'a' is not `name: input1, input2`"),
        ("a:\na: a", "DAG spec, line 2: 'a' is there already, in line 1"),
        ("a:\nb: c", "DAG spec, line 2: there is no node 'c'"),
        ("a:\nb: a, a", "DAG spec, line 2: 'b' has an input twice"),
        ("a:\nb: a,", "DAG spec, line 2: there is no node ''"),
        ("a b:", "DAG spec, line 1: .*only alphanumeric"),
        ("a:\nb: c\nc: b", "DAG spec: b, c: they would be computed from themselves"),
        ("b: c\nc: b", "DAG spec: there is no source"),
        ("", "DAG spec: there is no source"),
    ],
)
def test_what_is_wrong_with_a_dag_is_said_with_the_line(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        parse_dag(text)
