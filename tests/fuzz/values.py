"""Values that are likely to hurt: borders, things that look like something, and things that are nothing."""

import string
from random import Random

SCRATCH = "/tmp/trunkline-fuzz-target"
"""Where URLs may lead to. Nothing needs to be there."""

# Ids in requests stand for those of the server at hand: the same input can be sent to another one.
HEAD = "<the_head_of_the_branch_in_____>"
OUTPUT = "<the_head_of_the_branch_out____>"
JOB = "<a_job_of_the_pipeline_out_____>"
FILE_SET = "<a_file_set____________________>"
UNKNOWN = "0123456789ab4def8123456789abcdef"
PLACEHOLDERS = (HEAD, OUTPUT, JOB, FILE_SET)

REPOS = ("in", "out", "other", "nothing", "")
PIPELINES = ("out", "other", "nothing", "")
BRANCHES = ("master", "dev", "master^", "master~3", "master.1", "master^" + "9" * 5000, "")
IDS = (HEAD, OUTPUT, JOB, FILE_SET, UNKNOWN, "master", "")
URLS = (
    f"file://{SCRATCH}/a",
    f"file://{SCRATCH}/",
    "file:///",
    "http://127.0.0.1:1/a",
    "sqlite:///" + SCRATCH + "/a.db",
    "postgres://127.0.0.1:1/a",
    "nothing://a",
    "file:",
    "http://[::1",
    "",
)
PATHS = ("/", "/a.txt", "/d/b.txt", "/d/", "a.txt", "/d/../a.txt", "/..", "/missing", "", "/\0", "/" + "x/" * 2000)
GLOBS = (
    "/*",
    "/**",
    "/(*)/(*).txt",
    "/!(a)",
    "/{a,b}*",
    "/[a-z]*",
    "/+(a|*)",
    "/[",
    "/{",
    "/" + "*" * 300,
    "/" + "(" * 400,
    "/" + "?(a" * 60 + ")" * 60,
    "/" + "{a," * 60 + "}" * 60,
    "/@(*|**)+(*|a)*",
)
TIMES = (
    "@every 80000000h",
    "@every 1s",
    "*/5 * * * *",
    "0 0 29 2 *",
    "0 0 30 2 *",
    "* * * * * *",
    "@never",
    "10s",
    "1h1m1s",
    "-1s",
    "1e9h",
    "9" * 400 + "s",
    "0.000000000001ns",
    "2024-05-01T00:00Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
)
SIZES = (
    "1K",
    "1Ki",
    "1E",
    "1e300",
    "-1",
    "NaN",
    "Infinity",
    "9" * 400,
    "1" + "0" * 400 + "Gi",
    "0.1m",
    "1KiB",
    "1 MB",
    "",
)
PATTERNS = ("(a+)+$", "(", "[", "\\", "(?=a)", "(?P<a>b)", ".*" * 200, "a{1000}{1000}", "\\p{Greek}", "(?i)a")
STRINGS = (
    "",
    "a",
    "default",
    "user",
    "in",
    "out",
    "a" * 5000,
    "é",
    "\0",
    "\x1b[31mred\x1b]0;title\x07",
    "\u202e",
    "a\nb",
    "../../etc",
    "__filesets__",
    "spec",
    "meta",
    "-1",
    "1e400",
    "[" * 10_000,
    "{" * 10_000,
    "%s%n{0}",
    "' OR 1=1 --",
    "null",
    "true",
)
INTEGERS = (
    0,
    1,
    2,
    -1,
    7,
    100,
    1 << 15,
    (1 << 31) - 1,
    -(1 << 31),
    (1 << 32) - 1,
    1 << 53,
    1 << 62,
    (1 << 63) - 1,
    -(1 << 63),
)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-300, 1e300, float("inf"), float("-inf"), float("nan"))
_ALL = (*STRINGS, *PATHS, *GLOBS, *TIMES, *SIZES, *PATTERNS, *IDS, *BRANCHES)
_LETTERS = string.ascii_letters + string.digits + "/*?[](){}!@+^|.,:;-_=<>&%$#'\"\\ \t\n\0é\u4e2d\U0001f600"


def text(random: Random) -> str:
    """Return any text."""
    kind = random.random()
    if kind < 0.6:
        return random.choice(_ALL)
    if kind < 0.9:
        return "".join(random.choice(_LETTERS) for _ in range(random.randrange(12)))
    return mutated(random, random.choice(_ALL))


def mutated(random: Random, value: str) -> str:
    """Return a text with something cut, doubled, exchanged or put in."""
    for _ in range(random.randint(1, 3)):
        at, end = sorted(random.randrange(len(value) + 1) for _ in range(2))
        middle = value[at:end]
        value = value[:at] + random.choice(["", middle * 2, random.choice(_LETTERS), middle[::-1]]) + value[end:]
    return value[:20_000]


def integer(random: Random) -> int:
    """Return any number of 64 bits."""
    return random.choice(INTEGERS) if random.random() < 0.8 else random.randint(-(1 << 63), (1 << 63) - 1)


def json_value(random: Random, depth: int = 0) -> object:
    """Return anything that JSON can say."""
    kind = random.randrange(8 if depth < 4 else 6)
    if kind < 3:
        return text(random)
    if kind == 3:
        return integer(random)
    if kind == 4:
        return random.choice([None, True, False])
    if kind == 5:
        return random.choice(FLOATS[:7])
    if kind == 6:
        return [json_value(random, depth + 1) for _ in range(random.randrange(4))]
    return {text(random)[:50]: json_value(random, depth + 1) for _ in range(random.randrange(4))}


def mutated_json(random: Random, value: object, *, chance: float = 0.1) -> object:
    """Return JSON with some of its values exchanged."""
    if random.random() < chance:
        return json_value(random)
    if isinstance(value, dict):
        items = [(key, mutated_json(random, item, chance=chance)) for key, item in value.items()]
        if random.random() < chance:
            items.append((text(random)[:30], json_value(random)))
        return dict(items)
    if isinstance(value, list):
        found = [mutated_json(random, item, chance=chance) for item in value]
        return found * 2 if random.random() < chance / 2 else found
    return value
