"""Commands that read pipeline specifications: create, update, validate, edit."""

from __future__ import annotations

import functools
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import command, pass_session, project_option
from trunkline.cli.session import Session
from trunkline.cli.show.raw import encode
from trunkline.cli.show.terminal import say
from trunkline.errors import InvalidInputError

if TYPE_CHECKING:
    from trunkline.pps.spec.form.document import SpecDocument
    from trunkline.pps.spec.form.findings import Finding

_URL_SECONDS = 60.0
_WEB = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Source:
    """Where specifications come from: a file, or a template with arguments."""

    file: str
    jsonnet: str
    args: tuple[str, ...]


def _source_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where specifications come from; the function gets ``source``."""

    @click.option(
        "-f", "--file", default="", help="A YAML or JSON file, or a URL; by default standard input, as for -."
    )
    @click.option("--jsonnet", default="", help="A Jsonnet template, or a URL of one.")
    @click.option("--arg", "args", multiple=True, metavar="KEY=VALUE", help="An argument of the template.")
    @functools.wraps(function)
    def wrapped(session: Session, *, file: str, jsonnet: str, args: tuple[str, ...], **others: object) -> None:
        if jsonnet and file:
            raise click.UsageError("give --file or --jsonnet, not both")
        if args and not jsonnet:
            raise click.UsageError("--arg is for the template that --jsonnet names")
        function(session, source=Source(file or "-", jsonnet, args), **others)

    return wrapped


def _output_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--dry-run`` and how it prints; the function gets ``dry_run``: "json", "yaml", or None."""

    @click.option("--dry-run", is_flag=True, help="Print the whole specification that would be used.")
    @click.option("-o", "--output", type=click.Choice(["json", "yaml"]), default="json", help="What --dry-run prints.")
    @click.option("--raw", is_flag=True, hidden=True)
    @functools.wraps(function)
    def wrapped(session: Session, *, dry_run: bool, output: str, raw: bool, **others: object) -> None:
        function(session, dry_run=output if dry_run else None, **others)

    return wrapped


def _refuse_pushing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take the options for pushing images, and say that it is not done."""

    @click.option("-p", "--push-images", is_flag=True, hidden=True)
    @click.option("-r", "--registry", hidden=True)
    @click.option("-u", "--username", hidden=True)
    @functools.wraps(function)
    def wrapped(
        session: Session, *, push_images: bool, registry: str | None, username: str | None, **others: object
    ) -> None:
        if push_images:
            raise click.UsageError("--push-images is not supported: push images with your container engine")
        function(session, **others)

    return wrapped


@command("pipeline")
@project_option
@pass_session
@_source_options
@_output_options
@_refuse_pushing
def create_pipeline(session: Session, *, source: Source, dry_run: str | None, project: str | None) -> None:
    """Create pipelines from a specification.

    Mistakes are shown with file, line and the corrected text before anything is sent.
    """
    _send(session, source, project, dry_run=dry_run)


@command("pipeline")
@click.option("--reprocess", is_flag=True, help="Process all datums again, the unchanged ones, too.")
@project_option
@pass_session
@_source_options
@_output_options
@_refuse_pushing
def update_pipeline(
    session: Session, *, source: Source, dry_run: str | None, reprocess: bool, project: str | None
) -> None:
    """Change pipelines, or create them."""
    _send(session, source, project, dry_run=dry_run, update=True, reprocess=reprocess)


@command("pipeline")
@project_option
@pass_session
@_source_options
def validate_pipeline(session: Session, *, source: Source, project: str | None) -> None:
    """Check a specification without a server.

    Only templates need one, to be rendered.
    """
    for document in _read(session, source):
        say(f"pipeline {document.name} is valid", err=True)


def _send(
    session: Session,
    source: Source,
    project: str | None,
    *,
    dry_run: str | None,
    update: bool = False,
    reprocess: bool = False,
) -> None:
    for document in _read(session, source):
        request = proto.pps_pb2.CreatePipelineV2Request(
            create_pipeline_request_json=document.with_project(session.project(project)).json,
            dry_run=bool(dry_run),
            update=update,
            reprocess=reprocess,
        )
        answer = session.client.pps.CreatePipelineV2(request)
        if dry_run:
            say(encode(json.loads(answer.effective_create_pipeline_request_json), dry_run))
        else:
            session.report_transaction()


def _read(session: Session, source: Source) -> list[SpecDocument]:
    """Return the checked specifications; findings are printed, and errors among them end the command."""
    from trunkline.pps.spec.advice.check import check
    from trunkline.pps.spec.form.reader import read_specs

    text = _render(session, source) if source.jsonnet else _load(source.file)
    documents = read_specs(text, file=source.jsonnet or source.file)
    _report([finding for document in documents for finding in check(document)])
    return [_with_place(document, source.jsonnet or source.file) for document in documents]


def _with_place(document: SpecDocument, source: str) -> SpecDocument:
    """Return the document with a relative ``workingDir`` taken from where the spec itself is."""
    from trunkline.pps.spec.form.findings import InvalidSpecError, error

    if not document.working_dir or os.path.isabs(document.working_dir):
        return document
    if source.startswith(_WEB):
        problem = error("transform.workingDir", "in a spec from the web this must be an absolute path")
        raise InvalidSpecError(document.locate([problem]))
    place = os.path.abspath(os.path.join("" if source == "-" else os.path.dirname(source), document.working_dir))
    if not os.path.isdir(place):
        problem = error("transform.workingDir", f"there is no directory {place}; a relative path starts at the spec")
        raise InvalidSpecError(document.locate([problem]))
    return document.with_working_dir(place)


def _report(findings: list[Finding]) -> None:
    """Print warnings and notes; raise if there are errors."""
    from trunkline.pps.spec.form.findings import InvalidSpecError, Severity

    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    for finding in findings:
        if finding.severity is not Severity.ERROR:
            say(f"{finding.severity}: {finding}", err=True)
    if errors:
        raise InvalidSpecError(errors)


def _load(source: str) -> str:
    if source == "-":
        return sys.stdin.read()
    try:
        if source.startswith(_WEB):
            with urllib.request.urlopen(source, timeout=_URL_SECONDS) as response:  # noqa: S310 - the scheme is checked
                return str(response.read().decode())
        return Path(source).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidInputError(f"{source} is not text in UTF-8") from None
    except urllib.error.URLError as error:
        raise InvalidInputError(f"cannot read {source}: {error.reason}") from None


def _render(session: Session, source: Source) -> str:
    """Return the specifications that the server makes of a template."""
    values: dict[str, str] = {}
    for arg in source.args:
        key, equals, value = arg.partition("=")
        if not equals:
            raise click.UsageError(f'--arg {arg!r} must have form "key=value"')
        values[key] = value
    request = proto.pps_pb2.RenderTemplateRequest(template=_load(source.jsonnet), args=values)
    return session.client.pps.RenderTemplate(request).json


@command("pipeline")
@click.argument("pipeline")
@click.option("--editor", default=None, help="Instead of $EDITOR.")
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), default="json", help="What to edit.")
@click.option("--reprocess", is_flag=True, help="Process all datums again, the unchanged ones, too.")
@project_option
@pass_session
def edit_pipeline(
    session: Session, *, pipeline: str, editor: str | None, output: str, reprocess: bool, project: str | None
) -> None:
    """Edit a pipeline's specification.

    Opens it in an editor, and updates the pipeline if something was changed.
    """
    from trunkline.pps.spec.advice.check import check
    from trunkline.pps.spec.form.reader import read_specs

    message = refer.pipeline(pipeline, session.project(project))
    request = proto.pps_pb2.InspectPipelineRequest(pipeline=message, details=True)
    info = session.client.pps.InspectPipeline(request)
    before = encode(json.loads(info.user_spec_json), output) + "\n"
    after = click.edit(before, editor=editor, extension=f".{output}")
    if after is None or after == before:
        say("nothing was changed", err=True)
        return
    [document, *others] = read_specs(after, file=f"{pipeline}.{output}")
    document = document.with_project(message.project.name)
    if others or (document.project, document.name) != (info.pipeline.project.name, info.pipeline.name):
        raise InvalidInputError("the name and project of a pipeline cannot be edited: create a new pipeline instead")
    _report(check(document))
    session.client.pps.CreatePipelineV2(
        proto.pps_pb2.CreatePipelineV2Request(
            create_pipeline_request_json=document.json, update=True, reprocess=reprocess
        )
    )
