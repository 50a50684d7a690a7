"""A trace says when each call began and ended, as far as looks at the threads can tell."""

from trunkline.api.admin.sampling import Call, Trace

MAIN: Call = ("main", "a.py:1")
READ: Call = ("read", "a.py:9")
PARSE: Call = ("parse", "b.py:3")


def spans(trace: Trace) -> list[tuple[str, int, int, int]]:
    """Finish a trace and return (name, thread, from, to) of its calls."""
    return [
        (event["name"], event["tid"], event["ts"], event["ts"] + event["dur"])
        for event in trace.finish({})["traceEvents"]
    ]


def test_a_call_lasts_while_it_is_seen_under_the_same_callers() -> None:
    trace = Trace()

    trace.see(0, {1: [MAIN, READ]})
    trace.see(10, {1: [MAIN, READ, PARSE]})
    trace.see(20, {1: [MAIN, PARSE]})
    trace.see(30, {1: [MAIN]})

    assert sorted(spans(trace)) == [
        ("main", 1, 0, 30),
        ("parse", 1, 10, 20),
        ("parse", 1, 20, 30),
        ("read", 1, 0, 20),
    ]


def test_threads_are_apart_and_end_when_they_are_gone() -> None:
    trace = Trace()

    trace.see(0, {1: [MAIN], 2: [MAIN, READ]})
    trace.see(10, {1: [MAIN]})
    trace.see(20, {1: [MAIN], 3: [PARSE]})
    trace.see(30, {3: [PARSE]})

    assert sorted(spans(trace)) == [("main", 1, 0, 30), ("main", 2, 0, 10), ("parse", 3, 20, 30), ("read", 2, 0, 10)]


def test_threads_have_their_names() -> None:
    names = Trace().finish({1: "grpc_0"})["traceEvents"]

    assert [(event["ph"], event["tid"], event["args"]) for event in names] == [("M", 1, {"name": "grpc_0"})]
