"""Commands for secrets."""

from __future__ import annotations

import click

from trunkline import proto
from trunkline.cli.options import ShowTime, command, pass_session, raw_options, timestamps_option
from trunkline.cli.pps.documents import read_as_json
from trunkline.cli.session import Session
from trunkline.cli.show.raw import print_messages
from trunkline.cli.show.tables import print_details, print_table


@command("secret")
@click.option("-f", "--file", required=True, help="A Kubernetes Secret manifest in JSON or YAML; - is standard input.")
@pass_session
def create_secret(session: Session, *, file: str) -> None:
    """Create a secret from a manifest."""
    manifest = read_as_json(file)
    request = proto.pps_pb2.CreateSecretRequest(file=manifest.encode())
    session.client.pps.CreateSecret(request)


@command("secret")
@raw_options
@timestamps_option
@pass_session
def list_secret(session: Session, *, raw: str | None, show_time: ShowTime) -> None:
    """List the secrets."""
    from google.protobuf.empty_pb2 import Empty

    secrets = session.client.pps.ListSecret(Empty()).secret_info
    if raw:
        print_messages(secrets, raw)
        return
    rows = ((info.secret.name, info.type, show_time(info.creation_timestamp)) for info in secrets)
    print_table(("NAME", "TYPE", "CREATED"), rows)


@command("secret")
@click.argument("secret")
@raw_options
@timestamps_option
@pass_session
def inspect_secret(session: Session, *, secret: str, raw: str | None, show_time: ShowTime) -> None:
    """Show a secret, without what it hides."""
    message = proto.pps_pb2.Secret(name=secret)
    info = session.client.pps.InspectSecret(proto.pps_pb2.InspectSecretRequest(secret=message))
    if raw:
        print_messages([info], raw)
        return
    created = show_time(info.creation_timestamp)
    print_details([("Name", info.secret.name), ("Type", info.type), ("Created", created)])


@command("secret")
@click.argument("secret")
@pass_session
def delete_secret(session: Session, *, secret: str) -> None:
    """Delete a secret."""
    message = proto.pps_pb2.Secret(name=secret)
    session.client.pps.DeleteSecret(proto.pps_pb2.DeleteSecretRequest(secret=message))
