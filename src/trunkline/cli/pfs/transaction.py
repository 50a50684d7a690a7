"""Commands for transactions: several changes in one step."""

from __future__ import annotations

import click

from trunkline import proto
from trunkline.cli.options import ShowTime, command, pass_session, raw_options, timestamps_option
from trunkline.cli.session import Session
from trunkline.cli.show.raw import print_messages
from trunkline.cli.show.tables import print_details, print_table
from trunkline.cli.show.terminal import say


@command("transaction")
@pass_session
def start_transaction(session: Session) -> None:
    """Collect the commands that follow into one step.

    Prints its id. `finish transaction` carries it out.
    """
    if session.transaction:
        raise click.ClickException(f"the transaction {session.transaction} is active: finish, stop or delete it first")
    started = session.client.transaction.StartTransaction(proto.transaction_pb2.StartTransactionRequest())
    session.change_context(active_transaction=started.id)
    say(started.id)


@command("transaction")
@pass_session
def stop_transaction(session: Session) -> None:
    """Leave the active transaction, and keep it.

    Commands that follow happen at once again.
    """
    _active(session)
    session.change_context(active_transaction="")


@command("transaction")
@click.argument("transaction", metavar="ID")
@pass_session
def resume_transaction(session: Session, *, transaction: str) -> None:
    """Make a transaction the active one."""
    _inspect(session, transaction)
    session.change_context(active_transaction=transaction)


@command("transaction")
@click.argument("transaction", metavar="[ID]", required=False)
@pass_session
def finish_transaction(session: Session, *, transaction: str | None) -> None:
    """Carry out a transaction.

    By default the active one. All of it happens, or nothing.
    """
    message = _message(transaction or _active(session))
    request = proto.transaction_pb2.FinishTransactionRequest(transaction=message)
    info = session.client_outside_transaction.transaction.FinishTransaction(request)
    _leave(session, message.id)
    say(f"Completed transaction with {len(info.requests)} requests: {message.id}", err=True)


@command("transaction")
@click.argument("transaction", metavar="[ID]", required=False)
@pass_session
def delete_transaction(session: Session, *, transaction: str | None) -> None:
    """Discard a transaction."""
    message = _message(transaction or _active(session))
    request = proto.transaction_pb2.DeleteTransactionRequest(transaction=message)
    session.client_outside_transaction.transaction.DeleteTransaction(request)
    _leave(session, message.id)


@command("transaction")
@click.argument("transaction", metavar="[ID]", required=False)
@raw_options
@timestamps_option
@pass_session
def inspect_transaction(session: Session, *, transaction: str | None, raw: str | None, show_time: ShowTime) -> None:
    """Show a transaction."""
    info = _inspect(session, transaction or _active(session))
    if raw:
        print_messages([info], raw)
        return
    requests = "\n".join(f"  {_kind(request)}" for request in info.requests)
    print_details([("ID", info.transaction.id), ("Started", show_time(info.started)), ("Requests", requests)])


@command("transaction")
@raw_options
@timestamps_option
@pass_session
def list_transaction(session: Session, *, raw: str | None, show_time: ShowTime) -> None:
    """List the open transactions."""
    request = proto.transaction_pb2.ListTransactionRequest()
    infos = session.client.transaction.ListTransaction(request).transaction_info
    if raw:
        print_messages(infos, raw)
        return
    rows = ((info.transaction.id, show_time(info.started), str(len(info.requests))) for info in infos)
    print_table(("TRANSACTION", "STARTED", "OPS"), rows)


def _active(session: Session) -> str:
    if not session.transaction:
        raise click.ClickException("no transaction is active; `start transaction` starts one")
    return session.transaction


def _message(identifier: str) -> proto.transaction_pb2.Transaction:
    return proto.transaction_pb2.Transaction(id=identifier)


def _inspect(session: Session, identifier: str) -> proto.transaction_pb2.TransactionInfo:
    request = proto.transaction_pb2.InspectTransactionRequest(transaction=_message(identifier))
    return session.client_outside_transaction.transaction.InspectTransaction(request)


def _leave(session: Session, identifier: str) -> None:
    if session.transaction == identifier:
        session.change_context(active_transaction="")


def _kind(request: proto.transaction_pb2.TransactionRequest) -> str:
    return ", ".join(field.name.replace("_", " ") for field, _ in request.ListFields())
