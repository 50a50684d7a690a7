from trunkline.api.admin.load_tests import run_defaults
from trunkline.loads.pfs.defaults import DEFAULT_LOAD_SPECS
from trunkline.proto import debug_pb2


def answers(*errors: str) -> tuple[list[tuple[str, int]], str]:
    """Run the default tests, which find these errors; return what ran, and what was answered."""
    ran: list[tuple[str, int]] = []

    def run(spec: str, seed: int) -> debug_pb2.RunPFSLoadTestResponse:
        ran.append((spec, seed))
        return debug_pb2.RunPFSLoadTestResponse(spec=spec, seed=seed, error=errors[len(ran) - 1])

    return ran, run_defaults(run).spec


def test_all_default_tests_run_with_seeds_of_their_own() -> None:
    ran, answered = answers("", "", "")

    assert [spec for spec, _ in ran] == list(DEFAULT_LOAD_SPECS)
    assert len({seed for _, seed in ran}) == 3
    assert answered == DEFAULT_LOAD_SPECS[-1]


def test_the_first_that_fails_is_the_last_that_runs() -> None:
    ran, answered = answers("", "bytes are gone", "never asked")

    assert len(ran) == 2
    assert answered == DEFAULT_LOAD_SPECS[1]
