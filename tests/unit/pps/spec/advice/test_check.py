"""Sloppy specs get help: file, line, field, and the text that would be right."""

import json

import pytest

from trunkline.pps.spec.advice.check import check
from trunkline.pps.spec.form.findings import Finding, Severity
from trunkline.pps.spec.form.reader import read_specs

HEAD = "pipeline: {name: vol}\ntransform: {cmd: [python3, /app/vol.py]}\n"
GOOD_INPUT = 'input: {pfs: {repo: images, glob: "/*"}}\n'


def told(text: str, *, uses_images: bool = False) -> list[str]:
    return [str(finding) for finding in findings(text, uses_images=uses_images)]


def findings(text: str, *, uses_images: bool = False) -> list[Finding]:
    return [
        finding
        for document in read_specs(text, file="vol.yaml")
        for finding in check(document, uses_images=uses_images)
    ]


def only(text: str) -> Finding:
    (finding,) = findings(text)
    return finding


def test_a_sound_spec_has_nothing_to_tell() -> None:
    assert told(HEAD + GOOD_INPUT) == []


def test_a_missing_glob_is_told_with_its_line_and_the_text_to_write() -> None:
    text = HEAD + "input:\n  pfs:\n    repo: images\n"

    assert told(text) == ['vol.yaml:4: input.pfs.glob: input must specify a glob; write:  glob: "/*"']


def test_a_glob_beside_pfs_is_put_into_it() -> None:
    text = HEAD + 'input:\n  pfs:\n    repo: images\n  glob: "/*"\n'

    assert told(text) == [
        "vol.yaml:6: input.glob: unknown field; glob belongs in input.pfs; write:\n"
        "    pfs:\n"
        "      repo: images\n"
        '      glob: "/*"'
    ]


def test_fields_that_slipped_out_of_pfs_are_told_once() -> None:
    text = HEAD + 'input:\n  pfs:\n  repo: images\n  glob: "/*"\n'

    assert told(text) == [
        "vol.yaml:5: input.repo: unknown field; repo and glob belong in input.pfs; write:\n"
        "    pfs:\n"
        "      repo: images\n"
        '      glob: "/*"'
    ]


def test_inputs_is_told_to_be_input_and_what_is_in_it_is_checked_all_the_same() -> None:
    text = HEAD + "inputs:\n  pfs:\n    repo: images\n"

    first, second = findings(text)

    assert (first.path, first.line, first.fix) == ("inputs", 3, "input:\n  pfs:\n    repo: images")
    assert (second.path, second.line) == ("input.pfs.glob", 4)


def test_a_field_of_pfs_beside_input_is_put_into_pfs() -> None:
    finding = only(HEAD + 'input:\n  pfs:\n    repo: images\nglob: "/*"\n')

    assert finding.path == "glob"
    assert "glob belongs in input.pfs" in finding.message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cmd: [sh]", "unknown field; cmd belongs in transform, where it is given as well"),
        ("image: x", "unknown field; image belongs in transform"),
        ("parallelism: 4", "unknown field; did you mean parallelismSpec?"),
        ("datum_timeuot: 30s", "unknown field; did you mean datumTimeout?"),
        ("discription: x", "unknown field; did you mean description?"),
        ("enable_stats: true", "unknown field; it went away with version 1"),
        ("chunk_spec: {number: 3}", "unknown field; did you mean datumSetSpec?"),
        ("standby: true", "unknown field; did you mean autoscaling?"),
        ("on: push", "unknown field; the fields here are pipeline, description,"),
    ],
)
def test_an_unknown_field_is_told_where_it_belongs(line: str, message: str) -> None:
    finding = next(each for each in findings(HEAD + GOOD_INPUT + line) if each.severity is Severity.ERROR)

    assert finding.line == 4
    assert finding.message.startswith(message)


def test_a_field_of_the_spec_deep_down_belongs_at_the_top() -> None:
    finding = only("pipeline: {name: a}\ntransform:\n  cmd: [a]\n  datumTries: 4\n" + GOOD_INPUT)

    assert (finding.path, finding.line, finding.fix) == ("transform.datumTries", 4, "datumTries: 4")
    assert "belongs at the top level" in finding.message


def test_a_field_beside_the_list_of_a_cross_belongs_in_each_input() -> None:
    text = HEAD + "input:\n  cross:\n  - pfs: {repo: a, glob: /}\n  - pfs: {repo: b, glob: /}\n  glob: /\n"

    assert told(text) == ["vol.yaml:7: input.glob: unknown field; glob belongs in each input in input.cross"]


def test_each_input_of_a_union_without_a_glob_is_told() -> None:
    text = HEAD + "input:\n  union:\n  - pfs:\n      repo: a\n  - pfs:\n      repo: b\n"

    assert told(text) == [
        'vol.yaml:5: input.union[0].pfs.glob: input must specify a glob; write:  glob: "/*"',
        'vol.yaml:7: input.union[1].pfs.glob: input must specify a glob; write:  glob: "/*"',
    ]


def test_a_list_of_inputs_is_told_to_be_a_cross() -> None:
    finding = findings(HEAD + "input:\n- pfs: {repo: a, glob: /}\n- pfs: {repo: b, glob: /}\n")[0]

    assert finding.fix.splitlines()[:2] == ["input:", "  cross:"]


@pytest.mark.parametrize(
    ("cmd", "what", "fix"),
    [
        ("[python3, /app/vol.py, /pfs/images/*]", "the wildcard '/pfs/images/*'", "python3 /app/vol.py /pfs/images/*"),
        ("[cp, /pfs/images/a b, $OUT]", "the variable '$OUT'", "cp '/pfs/images/a b' $OUT"),
        ('[cat, /pfs/images/a, ">", /pfs/out/a]', "the redirection '>'", "cat /pfs/images/a > /pfs/out/a"),
        ('[cat, /pfs/images/a, "|", wc]', "the pipe '|'", "cat /pfs/images/a | wc"),
        ('[make, "&&", test]', "the operator '&&'", "make && test"),
        ("[ls, /pfs/images/img_?.jpg]", "the wildcard '/pfs/images/img_?.jpg'", "ls /pfs/images/img_?.jpg"),
        ("[/bin/wc, *, -l]".replace("*", '"*.txt"'), "the wildcard '*.txt'", "/bin/wc *.txt -l"),
    ],
)
def test_what_only_a_shell_understands_is_told_where_there_is_none(cmd: str, what: str, fix: str) -> None:
    finding = only("pipeline: {name: a}\ntransform:\n  cmd: " + cmd + "\n" + GOOD_INPUT)

    assert finding.severity is Severity.WARNING
    assert (finding.path, finding.line) == ("transform.cmd", 3)
    assert f"no shell reads cmd, so {what} reaches the program as it stands" in finding.message
    assert finding.fix == f'cmd: [sh, -c, "{fix}"]'


@pytest.mark.parametrize(
    "cmd",
    [
        '[sh, -c, "cp /pfs/images/* /pfs/out/"]',
        '[/bin/bash, -ec, "cp /pfs/images/* $OUT && ls > x"]',
        "[sh]",
        "[python3, -c, \"import glob; print(glob.glob('/pfs/images/*'))\"]",
        '[find, /pfs/images, -name, "*.jpg"]',
        '[sed, "s/a$/b/", /pfs/images/x]',
        '[python3, x.py, "--title=What is new? (a|b) & more"]',
        '[python3, x.py, "--price=5$"]',
    ],
)
def test_commands_that_do_what_they_look_like_are_left_alone(cmd: str) -> None:
    assert told("pipeline: {name: a}\ntransform:\n  cmd: " + cmd + "\n" + GOOD_INPUT) == []


@pytest.mark.parametrize(
    ("cmd", "fix"),
    [
        ("python3 /app/vol.py --x 'a b'", 'cmd: [python3, /app/vol.py, --x, "a b"]'),
        ("cp /pfs/images/* /pfs/out", 'cmd: [sh, -c, "cp /pfs/images/* /pfs/out"]'),
        ("sh -c 'ls > /pfs/out/x'", 'cmd: [sh, -c, "ls > /pfs/out/x"]'),
        ("it's", 'cmd: [sh, -c, "it\'s"]'),
    ],
)
def test_a_command_line_as_one_string_is_split(cmd: str, fix: str) -> None:
    finding = only(f"pipeline: {{name: a}}\ntransform:\n  cmd: {cmd}\n" + GOOD_INPUT)

    assert (finding.severity, finding.line, finding.fix) == (Severity.ERROR, 3, fix)


def test_a_command_line_as_the_only_argument_is_split() -> None:
    finding = only('pipeline: {name: a}\ntransform: {cmd: ["python3 /app/vol.py"]}\n' + GOOD_INPUT)

    assert finding.fix == "cmd: [python3, /app/vol.py]"


def test_a_script_of_several_lines_in_stdin_becomes_a_list() -> None:
    finding = only("pipeline: {name: a}\ntransform:\n  cmd: [sh]\n  stdin: |\n    ls\n    wc\n" + GOOD_INPUT)

    assert finding.fix == "stdin: [ls, wc]"


def test_words_after_a_shells_command_line_are_told_to_be_part_of_it() -> None:
    finding = only("pipeline: {name: a}\ntransform: {cmd: [sh, -c, python3, vol.py]}\n" + GOOD_INPUT)

    assert finding.fix == 'cmd: [sh, -c, "python3 vol.py"]'


def test_a_line_that_yaml_takes_for_a_mapping_is_quoted() -> None:
    finding = only("pipeline: {name: a}\ntransform:\n  cmd: [sh]\n  stdin:\n  - echo a: b\n" + GOOD_INPUT)

    assert (finding.path, finding.line, finding.fix) == ("transform.stdin[0]", 5, '"echo a: b"')


@pytest.mark.parametrize(
    ("glob", "join_on", "fix"),
    [
        ("/*", "$1", 'glob: "/(*)"'),
        ("/*.txt", "${1}", 'glob: "/(*).txt"'),
        ("/*-*.txt", "$2", 'glob: "/(*)-(*).txt"'),
        ("/(*)-*.txt", "$2", 'glob: "/(*)-(*).txt"'),
        ("/", "$1", 'glob: "/(*)"'),
        ("/a[*]/*", "$1", 'glob: "/a[*]/(*)"'),
        ("/**", "$1", 'glob: "/(**)"'),
    ],
)
def test_a_template_without_its_capture_group_is_refused_with_a_glob_that_has_it(
    glob: str, join_on: str, fix: str
) -> None:
    text = (
        HEAD + f'input:\n  join:\n  - pfs: {{repo: b, glob: "/(*)", joinOn: "$1"}}\n'
        f'  - pfs:\n      repo: a\n      glob: "{glob}"\n      joinOn: "{join_on}"\n'
    )

    finding = next(each for each in findings(text) if each.severity is Severity.ERROR)

    assert (finding.path, finding.line, finding.fix) == ("input.join[1].pfs.glob", 8, fix)
    assert "takes a capture group" in finding.message


def test_a_join_input_without_a_template_is_told() -> None:
    text = HEAD + 'input:\n  join:\n  - pfs: {repo: a, glob: "/(*)", joinOn: "$1"}\n  - pfs: {repo: b, glob: "/*"}\n'

    finding = only(text)

    assert finding.severity is Severity.WARNING
    assert (finding.line, finding.fix) == (6, 'glob: "/(*)"\njoinOn: "$1"')


@pytest.mark.parametrize(("field", "kind"), [("joinOn", "join"), ("groupBy", "group")])
def test_a_template_outside_its_combination_is_told_to_have_no_effect(field: str, kind: str) -> None:
    finding = only(HEAD + f'input: {{pfs: {{repo: images, glob: "/(*)", {field}: "$1"}}}}\n')

    assert finding.message == f"{field} has no effect outside of a {kind}"


def test_star_and_parenthesis_are_told_to_be_a_quantifier() -> None:
    finding = only(HEAD + 'input: {pfs: {repo: images, glob: "/*(.jpg)"}}\n')

    assert (finding.severity, finding.fix) == (Severity.WARNING, 'glob: "/*@(.jpg)"')


def test_a_glob_that_takes_files_and_their_directories_is_told() -> None:
    assert "more than once" in only(HEAD + 'input: {pfs: {repo: images, glob: "/**"}}\n').message


def test_an_image_without_a_container_engine_is_noted() -> None:
    text = "pipeline: {name: a}\ntransform:\n  image: opencv:4\n  cmd: [a]\n" + GOOD_INPUT

    finding = only(text)

    assert (finding.severity, finding.path, finding.line) == (Severity.NOTE, "transform.image", 3)
    assert told(text, uses_images=True) == []


@pytest.mark.parametrize("image", ["opencv", "opencv:latest", "registry:5000/opencv"])
def test_an_image_without_a_fixed_tag_is_told_where_images_are_used(image: str) -> None:
    text = f"pipeline: {{name: a}}\ntransform: {{image: '{image}', cmd: [a]}}\n" + GOOD_INPUT

    (finding,) = findings(text, uses_images=True)

    assert finding.fix.endswith('opencv:VERSION"')


def test_a_path_of_no_input_is_told_with_the_nearest_name() -> None:
    text = "pipeline: {name: a}\ntransform:\n  cmd:\n  - python3\n  - /pfs/image\n" + GOOD_INPUT

    finding = only(text)

    assert (finding.severity, finding.line, finding.fix) == (Severity.WARNING, 5, "/pfs/images")
    assert "no input is named image; there will be /pfs/images and /pfs/out" in finding.message


def test_a_path_by_the_repo_of_a_named_input_is_told_its_name() -> None:
    text = 'pipeline: {name: a}\ntransform: {cmd: [sh], stdin: ["ls /pfs/photos/"]}\n'

    finding = only(text + 'input: {pfs: {repo: photos, name: left, glob: "/*"}}\n')

    assert finding.fix == '"ls /pfs/left/"'
    assert "the input of repo photos is named left" in finding.message


@pytest.mark.parametrize(
    "line", ["ls /pfs/*", "ls /pfs/input-*/*", "ls /pfs/$NAME/", "cp /pfs/images/a /pfs/out/", "ls /pfs"]
)
def test_paths_that_may_well_be_there_are_left_alone(line: str) -> None:
    assert told(f'pipeline: {{name: a}}\ntransform: {{cmd: [sh], stdin: ["{line}"]}}\n' + GOOD_INPUT) == []


UNION = 'input:\n  union:\n  - pfs: {repo: a, glob: "/*"}\n  - pfs: {repo: b, glob: "/*"}\n'


def test_a_union_whose_inputs_the_command_needs_together_is_told_with_a_cross() -> None:
    finding = only("pipeline: {name: x}\ntransform: {cmd: [diff, /pfs/a/, /pfs/b/]}\n" + UNION)

    assert (finding.severity, finding.path, finding.line) == (Severity.WARNING, "input.union", 4)
    assert "/pfs/a and /pfs/b together" in finding.message
    assert finding.fix == (
        "cross:\n"
        "- pfs:\n"
        "    repo: a\n"
        '    glob: "/*"\n'
        "- pfs:\n"
        "    repo: b\n"
        '    glob: "/*"'
    )  # fmt: skip


def test_a_union_whose_code_looks_which_input_is_there_is_left_alone() -> None:
    line = "if [ -d /pfs/a ]; then cp /pfs/a/x /pfs/out; else cp /pfs/b/x /pfs/out; fi"

    assert told(f'pipeline: {{name: x}}\ntransform: {{cmd: [sh], stdin: ["{line}"]}}\n' + UNION) == []


def test_a_union_of_inputs_of_one_name_is_left_alone() -> None:
    text = 'input:\n  union:\n  - pfs: {repo: a, name: n, glob: "/*"}\n  - pfs: {repo: b, name: n, glob: "/*"}\n'

    assert told("pipeline: {name: x}\ntransform: {cmd: [ls, /pfs/n/]}\n" + text) == []


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("jobTimeout: 600", 'jobTimeout: "600s"'),
        ('datum_timeout: "90"', 'datumTimeout: "90s"'),
        ("autoscaling: yes", "autoscaling: true"),
        ('autoscaling: "false"', "autoscaling: false"),
        ("description: 3", 'description: "3"'),
        ("resourceRequests: {memory: 512MB}", 'memory: "512M"'),
        ("resourceLimits: {cpu: 500m}", "cpu: 0.5"),
        ("reprocessSpec: always", "reprocessSpec: until_success"),
        ("tolerations: [{operator: exists}]", "operator: EXISTS"),
        ("outputBranch: a.b", "outputBranch: a-b"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_with_the_right_one(line: str, fix: str) -> None:
    finding = next(each for each in findings(HEAD + GOOD_INPUT + line) if each.severity is Severity.ERROR)

    assert (finding.line, finding.fix) == (4, fix)


@pytest.mark.parametrize("env", ["[{name: A, value: 3}, {name: B, value: x}]", '["A=3", "B=x"]', "[{A: 3}, {B: x}]"])
def test_environments_as_lists_become_mappings(env: str) -> None:
    finding = only(f"pipeline: {{name: a}}\ntransform:\n  cmd: [a]\n  env: {env}\n" + GOOD_INPUT)

    assert finding.fix == 'env:\n  A: "3"\n  B: x'


def test_a_number_in_the_environment_is_quoted() -> None:
    finding = only("pipeline: {name: a}\ntransform:\n  cmd: [a]\n  env:\n    N: 3\n" + GOOD_INPUT)

    assert (finding.path, finding.line, finding.fix) == ("transform.env.N", 5, 'N: "3"')


def test_a_pipeline_without_a_command_is_told() -> None:
    finding = only("pipeline: {name: a}\n" + GOOD_INPUT)

    assert "nothing to run: no transform.cmd" in finding.message


def test_fields_for_kubernetes_are_noted() -> None:
    finding = only(HEAD + GOOD_INPUT + "schedulingSpec: {priorityClassName: high}\n")

    assert finding.severity is Severity.NOTE


def test_corrections_of_a_json_file_are_json() -> None:
    spec = {"pipeline": {"name": "a"}, "transform": {"cmd": ["a"]}, "input": {"pfs": {"repo": "r"}}}

    (document,) = read_specs(json.dumps(spec, indent=2), file="vol.json")
    (finding,) = check(document)

    assert str(finding) == 'vol.json:11: input.pfs.glob: input must specify a glob; write:  "glob": "/*"'


def test_findings_come_in_the_order_of_the_file() -> None:
    text = "bad1: x\n" + HEAD + "bad2: y\ninput: {pfs: {repo: r}}\nbad3: z\n"

    lines = [finding.line for finding in findings(text)]

    assert lines == sorted(lines)
    assert len(lines) == 4


def test_checking_leaves_the_document_as_it_was() -> None:
    (document,) = read_specs(HEAD + "input:\n  pfs: {repo: a}\n  glob: /\n", file="f.yaml")
    before = document.json

    check(document)

    assert document.json == before
