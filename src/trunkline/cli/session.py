"""What one command run knows: the context in use, the project, and a connection that is made when first needed."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from trunkline.cli.show.terminal import say
from trunkline.client.config import Config, Context, read_config, write_config
from trunkline.model.names import DEFAULT_PROJECT

if TYPE_CHECKING:
    from trunkline.client.connection import Client


class Session:
    """One run of the command line."""

    def __init__(self) -> None:
        self.verbose = False
        self.rpc_timeout_seconds: float | None = None

    @cached_property
    def config(self) -> Config:
        """The configuration file."""
        return read_config()

    @property
    def context(self) -> Context:
        """The context in use."""
        return self.config.context()[1]

    @property
    def transaction(self) -> str:
        """The id of the transaction that commands are added to; empty when there is none."""
        return self.context.active_transaction

    @cached_property
    def client(self) -> Client:
        """A client of the server in use; starts the local server if that is the one and it does not run."""
        from trunkline.client.connection import connect

        client = connect(context=self.context, rpc_timeout_seconds=self.rpc_timeout_seconds, announce=announce)
        self._read_again()
        return client

    @cached_property
    def client_outside_transaction(self) -> Client:
        """A client whose calls happen at once, whatever transaction is active."""
        from trunkline.client.connection import connect

        context = replace(self.context, active_transaction="")
        client = connect(context=context, rpc_timeout_seconds=self.rpc_timeout_seconds, announce=announce)
        self._read_again()
        return client

    def _read_again(self) -> None:
        """Forget what the configuration file said: connecting may have written the local server's port there."""
        self.__dict__.pop("config", None)

    def would_start_server(self, context: Context | None = None) -> bool:
        """Return whether a call would start the local server, since that is meant and does not run."""
        from trunkline.client.local_server import find_server, home_directory

        is_local = not (os.environ.get("PACHD_ADDRESS") or (context or self.context).pachd_address)
        return is_local and find_server(home_directory()) is None

    def project(self, named: str | None = None) -> str:
        """Return the project that a command is about: the named one, else the context's."""
        return named or self.context.project or DEFAULT_PROJECT

    def change_context(self, name: str = "", **changes: str) -> str:
        """Write changed fields of a context, by default the one in use, to the configuration file; return its name."""
        name, context = self.config.context(name)
        self.write(self.config.with_context(name, replace(context, **changes)))  # type: ignore[arg-type]
        return name

    def write(self, config: Config) -> None:
        """Write the configuration file and use it from now on."""
        write_config(config)
        self.config = config

    def report_transaction(self) -> None:
        """Say that the last call was added to the active transaction instead of happening, if it was."""
        if self.transaction:
            say(f"Added to transaction: {self.transaction}", err=True)

    def close(self) -> None:
        """Close connections that were made."""
        for name in ("client", "client_outside_transaction"):
            if client := self.__dict__.get(name):
                client.close()


def announce(line: str) -> None:
    """Say something that is not part of the command's output."""
    say(line, err=True)
