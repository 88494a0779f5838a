"""The command line. Each command lives in a module of its own, imported when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from alerts.errors import RecwatchError

# Name -> (module below alerts.cli, one line for --help). Listing the help here keeps
# `recwatch --help` free of every other import.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "Simulate a shop, load it, build the marts, check them: all on DuckDB."),
    "simulate": ("simulate", "Write the raw tables of a simulated shop, with planted incidents."),
    "load": ("load", "Load JSON lines, CSV or Parquet files into a raw table."),
    "check": ("check", "Evaluate the rules on the marts and deliver what fires."),
    "rules": ("rules", "Are the rules sound, which are there, how often would they cry wolf?"),
    "history": ("history", "What happened: every alert that began, lasted or ended, and why."),
    "silence": ("silence", "Hold alerts back for a while, with an author, a reason and an end."),
    "doctor": ("doctor", "Whether everything is in place, and what to do where it is not."),
    "backtest": ("backtest", "What each rule would have sent over a past range, and how right."),
    "experiment": ("experiment", "Set an experiment up, and see whether it is ready to start."),
    "srm": ("srm", "Whether the arms of an experiment hold the users that their weights promise."),
    "readout": ("readout", "The whole decision about an experiment, with one recommendation."),
    "cuped": ("cuped", "The estimates of an experiment with and without CUPED."),
    "analyze": ("analyze", "Analyse an experiment in a CSV or Parquet file."),
    "power": ("power", "How many users an experiment needs, and what they can find."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The commands in the order of the house: first things first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command `cmd_name`, its module imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"alerts.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands, from the table above rather than from their modules."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="recwatch")
def cli() -> None:
    """Is personalization healthy, and does the experiment work?"""


def main(argv: list[str] | None = None) -> Any:
    """Run the program; an error a user can mend ends it with its exit code and no traceback."""
    try:
        return cli.main(args=argv, prog_name="recwatch")
    except RecwatchError as error:
        click.echo(f"recwatch: {error}", err=True)
        sys.exit(error.exit_code)
