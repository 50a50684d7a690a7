import contextlib
import re

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from trunkline.errors import InvalidInputError
from trunkline.model.globs import match
from trunkline.model.globs.dialect import compile_glob
from trunkline.model.globs.parse import AnyCharacter, CharacterSet, Group, Literal, Node, Sequence, Star

MATCHES = [
    ("/", "/"),
    ("", "/"),
    ("*.txt", "/a.txt"),
    ("//a//b/", "/a/b"),
    ("/*", "/a/"),
    ("/*/*", "/a/b/"),
    ("/**", "/a/b/c"),
    ("/a?c", "/abc"),
    ("/[a-c]x", "/bx"),
    ("/[!a]x", "/bx"),
    ("/[^a]x", "/bx"),
    ("/a[!x]b", "/a/b"),
    ("/[[:digit:]][[:^digit:]]", "/1a"),
    ("/[^[:alpha:]]", "/1"),
    ("/[a-z0-9]", "/7"),
    ("/{a,b{c,d}}x", "/bdx"),
    ("/{a,b}|c,d", "/a|c,d"),
    ("/@(a|b)", "/b"),
    ("/?(a)b", "/b"),
    ("/*(ab)", "/abab"),
    ("/+(a|b)", "/abba"),
    ("/!(foo)", "/foobar"),
    ("/!(!(foo))", "/foo"),
    ("/!(!(!(!(foo))))", "/foo"),
    ("/**(e|f)", "/zzef"),
    ("/!(*.js|*.json)", "/a.js.gz"),
    ("/@(!(z*)|*x)", "/zoox"),
    ("/*-!(integration-)test.js", "/a-integration-test.js"),
    ("/a+b@c!", "/a+b@c!"),
    (r"/a\*b", "/a*b"),
    ("/[]a", "/a"),
    ("/()a", "/a"),
    ("/*(*(of*(o)x)o)", "/ofoooxoofxoofoooxoofxoo"),
    ("/a[b*(foo|bar)]d", "/abd"),
]
MISSES = [
    ("/", "/a"),
    ("/*", "/"),
    ("/**", "/"),
    ("/*", "/a/b"),
    ("/a?c", "/a/c"),
    ("/*.txt", "/A.TXT"),
    ("/[a-c]", "/d"),
    ("/+(a)", "/"),
    ("/!(foo)", "/foo"),
    ("/!(foo).txt", "/foobar.txt"),
    ("/!(foo)", "/a/b"),
    ("/!(!(!(foo)))", "/foo"),
    ("/!(*.*).!(*.*)", "/moo.cow"),
    ("/*(*.json|!(*.js))", "/foojs.js"),
    ("/*.!(js)*", "/foo.js.js"),
    ("/*(*(of*(o)x)o)", "/ofoooxoofxoofoooxoofxofo"),
    ("/a", "/a/b"),
]


@pytest.mark.parametrize(("pattern", "path"), MATCHES)
def test_matches(pattern: str, path: str) -> None:
    assert compile_glob(pattern).match(path) is not None


@pytest.mark.parametrize(("pattern", "path"), MISSES)
def test_does_not_match(pattern: str, path: str) -> None:
    assert compile_glob(pattern).match(path) is None


@pytest.mark.parametrize("pattern", ["/(", "/)", "/[a", "/]", "/{a", "/}", "/^(a)", "/\\", "/[z-a]", "/[[:nope:]]"])
def test_malformed_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(InvalidInputError, match="malformed"):
        compile_glob(pattern)


def test_a_pattern_that_nests_without_end_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="nest deeper"):
        compile_glob("/" + "(" * 1000)


def test_groups_are_numbered_by_their_opening_parenthesis() -> None:
    match = compile_glob("/@(a(*)|b)-{x,y}(*).json").match("/aeu-x17.json")

    assert match is not None
    assert match.groups == ("aeu", "eu", "17")


def test_a_repeated_group_captures_the_whole_repetition() -> None:
    match = compile_glob("/*(ab)c").match("/ababc")

    assert match is not None
    assert match.groups == ("abab",)


def test_templates_are_filled_from_captures() -> None:
    match = compile_glob("/(*)-(*).json").match("/eu-17.json")

    assert match is not None
    assert match.expand("$2") == "17"
    assert match.expand("${1}$$$x$12|$0") == "eu$$x|/eu-17.json"


def test_the_literal_prefix_ends_at_the_first_special_character() -> None:
    assert compile_glob("/data/img-*.png").literal_prefix == "/data/img-"
    assert compile_glob("/data/a+b").literal_prefix == "/data/a+b"
    assert compile_glob("/data/a+b").is_literal


@pytest.mark.parametrize(
    ("pattern", "depth"),
    [("/", 1), ("/*", 1), ("/*/*", 2), ("/**", None), ("/@(a/b|c)", 2), ("/*(a/)", None), ("/[!a]", 2), ("/!(a/b)", 1)],
)
def test_depth_max_bounds_the_slashes(pattern: str, depth: int | None) -> None:
    assert compile_glob(pattern).depth_max == depth


@pytest.mark.parametrize(
    "pattern",
    [
        "/*a*a*a*a*a*a*a*a*b",
        "/*(a|a)b",
        "/*(*(*(a)))b",
        "/" + "?(a)" * 40 + "b",
        "/+(+(+(a|*)))!(b)c",
        "/!(*a*a*a*a*a*a*b)c",
        "/" + "!(" * 20 + "a*" + ")" * 20 + "b",
    ],
)
def test_a_hostile_pattern_is_answered_or_refused_in_bounded_work(pattern: str) -> None:
    """Backtracking would need longer than the universe has; here it ends, one way or the other."""
    glob = compile_glob(pattern)

    with contextlib.suppress(InvalidInputError):
        assert glob.match("/" + "a" * 200) is None


ALPHABET = "ab/."
_texts = st.text(ALPHABET.replace("/", "") + "-", max_size=3)


def _patterns() -> st.SearchStrategy[str]:
    leaf = st.one_of(_texts, st.sampled_from(["*", "**", "?", "[ab]", "[!a]", "/"]))

    def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        options = st.lists(inner, min_size=1, max_size=3)
        group = st.builds(
            lambda quantifier, parts: f"{quantifier}({'|'.join(parts)})", st.sampled_from("@?*+!"), options
        )
        braces = options.map(lambda parts: "{" + ",".join(parts) + "}")
        return st.lists(st.one_of(inner, group, braces), max_size=3).map("".join)

    return st.recursive(leaf, nested, max_leaves=6)


_paths = st.text(ALPHABET, max_size=7).map(lambda text: "/" + text.strip("/"))


def _ends(sequence: Sequence, path: str, starts: set[int]) -> set[int]:
    """Return where sequence can end when it begins at any of starts: sets only, no order, no captures."""
    for node in sequence:
        starts = set().union(*(_node_ends(node, path, start) for start in starts))
    return starts


def _node_ends(node: Node, path: str, start: int) -> set[int]:
    run = len(path[start:].split("/")[0])
    match node:
        case Literal(text):
            return {start + len(text)} if path.startswith(text, start) else set()
        case Star(crosses):
            return set(range(start, len(path) + 1)) if crosses else set(range(start, start + run + 1))
        case AnyCharacter():
            return {start + 1} if run else set()
        case CharacterSet():
            return {start + 1} if start < len(path) and node.contains(path[start]) else set()
        case Group():
            return _group_ends(node, path, start, run)


def _group_ends(node: Group, path: str, start: int, run: int) -> set[int]:
    def once(starts: set[int]) -> set[int]:
        return set().union(*(_ends(option, path, starts) for option in node.options))

    if node.quantifier == "!":
        excluded = once({start})
        barred = len(path) in excluded if node.anchored else bool(excluded)
        return set() if barred else set(range(start, start + run + 1))
    if node.quantifier in ("*", "+"):
        reached = {start} if node.quantifier == "*" else once({start})
        while (more := reached | once(reached)) != reached:
            reached = more
        return reached
    return once({start}) | ({start} if node.quantifier == "?" else set())


@given(_patterns(), _paths)
def test_matching_agrees_with_a_slow_reference(pattern: str, path: str) -> None:
    glob = compile_glob(pattern)

    expected = len(path) in _ends(glob.tree, path, {0}) if path != "/" else glob.pattern == "/"

    assert (glob.match(path) is not None) == expected


@given(_patterns(), _paths)
def test_the_bounded_matcher_agrees_with_regular_expressions(pattern: str, path: str) -> None:
    """RE2's form must accept whatever matches, so that it can be used as a filter."""
    glob = compile_glob(pattern)

    groups = match.run(match.compile_program(glob.tree), path, glob.group_count)

    assert (groups is not None) == (len(path) in _ends(glob.tree, path, {0}))
    relaxed = re.search(glob.re2, path)
    assert groups is None or relaxed
    assert glob.has_negation or (groups is None) == (relaxed is None)
    if groups is not None:
        assert path.startswith(glob.literal_prefix)
        assert glob.depth_max is None or path.count("/") <= glob.depth_max


_NEGATIONS = st.sampled_from(["!(a)", "!(a*)", "!(a|*b)", "!(a/b)", "!(?)", "!([!a])", "!(*)", "!(!(a))", "@(!(a)|b)"])
_AROUND = st.sampled_from(["/", "/", "/", "a", "*", "**", "?", "[!a]", "{a,b}", "{a/,b}", "*(a/)", "/a"])


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(st.lists(_AROUND, max_size=3), _NEGATIONS, st.lists(st.one_of(_AROUND, _NEGATIONS), max_size=4), _paths)
def test_what_rejections_take_away_is_what_does_not_match(
    before: list[str], negation: str, after: list[str], path: str
) -> None:
    glob = compile_glob("/" + "".join([*before, "/", negation, *after]))
    assume(glob.re2_rejections is not None and path != "/")
    assert glob.re2_rejections is not None

    rejected = any(re.search(expression, path) for expression in glob.re2_rejections)

    assert (re.search(glob.re2, path) is not None and not rejected) == (glob.match(path) is not None)


@pytest.mark.parametrize(
    "pattern",
    ["/!(a).png", "/**/!(a*).png", "/*/!(a)/*", "/**/x-!(a|b*)", "/!(a)/!(b)", "/@(a|b)/!(c/d)", "/!(a)"],
)
def test_common_negations_need_no_matching_path_by_path(pattern: str) -> None:
    assert compile_glob(pattern).re2_rejections


@pytest.mark.parametrize("pattern", ["/*!(a)", "/**/!(a/b)", "/**/!(a)/**", "/!(!(a))", "/@(!(a)|b)", "/[!a]/!(b)/**"])
def test_negations_that_could_start_in_several_places_are_left_alone(pattern: str) -> None:
    assert compile_glob(pattern).re2_rejections is None
