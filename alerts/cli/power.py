"""`recwatch power`: how many users an experiment needs, and what they can find."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from alerts.cli.options import json_option

if TYPE_CHECKING:
    from alerts.analyze.planning import Plan, Question


@click.command("power")
@click.option(
    "--baseline",
    type=float,
    required=True,
    help="Level of the metric in the control arm: a rate (0.05 is 5 %), or with --sd a mean.",
)
@click.option("--lift", type=float, help="The relative lift to find: 0.03 is +3 %.")
@click.option("--power", type=float, default=0.8, show_default=True, help="Chance to find it.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Of a two-sided test.")
@click.option(
    "--design-effect",
    type=float,
    default=1.0,
    show_default=True,
    help="Of a rate: its variance over that of independent events.",
)
@click.option("--sd", type=float, help="Standard deviation between users: the metric is a mean.")
@click.option(
    "--users",
    type=click.IntRange(min=1),
    help="Users per arm that there will be: what do they find?",
)
@click.option(
    "--arms",
    type=click.IntRange(min=2, max=100),
    default=2,
    show_default=True,
    help="Arms, control among them; they share alpha.",
)
@json_option
def command(  # noqa: PLR0913 - one for each option
    *,
    baseline: float,
    lift: float | None,
    power: float,
    alpha: float,
    design_effect: float,
    sd: float | None,
    users: int | None,
    arms: int,
    as_json: bool,
) -> None:
    """How many users per arm find a lift; or, of --users, their power and the least lift they find.

    Of a rate whose events come several to a user, such as clicks per impression, what is counted
    are the events: give --design-effect, or take users and their --sd.
    """
    from alerts.analyze import planning  # noqa: PLC0415 - `--help` needs no scipy

    question = planning.Question(
        baseline=baseline,
        lift=lift,
        power=power,
        alpha=alpha,
        design_effect=design_effect,
        sd=sd,
        users=users,
        arms=arms,
    )
    answer = planning.plan(question)
    if as_json:
        click.echo(json.dumps(planning.document(answer), indent=2, allow_nan=False))
        return
    for line in _sentences(answer):
        click.echo(line)
    _print_table(answer)


def _sentences(answer: Plan) -> list[str]:
    from alerts.experiments.results import Refusal  # noqa: PLC0415

    question, least = answer.question, answer.detectable_lift
    users = f"{answer.users_per_arm:,} users per arm ({_total(answer)})"
    if question.users is None:
        lift = question.lift or 0.0
        lines = [f"{users} find {_change(question, lift)} with power {question.power:g}."]
    else:
        lines = []
        if answer.power is not None and question.lift is not None:
            change = _change(question, question.lift)
            lines.append(f"{users} find {change} with power {answer.power:.4g}.")
        else:
            lines.append(f"{users}.")
        if isinstance(least, Refusal):
            lines.append(f"None is found with power {question.power:g}: {least.reason}.")
        elif least is not None:
            change = _change(question, least)
            lines.append(
                f"The least that they find with power {question.power:g} is {change[:-1]}."
            )
    return [*lines, _assumptions(question)]


def _total(answer: Plan) -> str:
    arms = answer.question.arms
    return f"{answer.users_per_arm * arms:,} in {arms} arms"


def _change(question: Question, lift: float) -> str:
    return (
        f"a lift of {100 * lift:+.4g} %, {question.baseline:g} to {question.treatment(lift):.6g},"
    )


def _assumptions(question: Question) -> str:
    text = f"Two-sided test, alpha {question.alpha:g}"
    if question.arms > 2:
        text += f", {question.alpha_per_arm:.4g} for each of {question.arms - 1} treatments"
    if question.sd is not None:
        return f"{text}; standard deviation {question.sd:g} in both arms."
    if question.design_effect == 1:
        return (
            f"{text}; one 0/1 outcome per user. Of several per user, such as clicks per impression,"
            " count these, and give --design-effect."
        )
    return f"{text}; 0/1 outcomes, design effect {question.design_effect:g}."


def _print_table(answer: Plan) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from alerts.experiments.results import Refusal  # noqa: PLC0415

    if not answer.table:
        return
    powers = sorted({cell.power for cell in answer.table})
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.add_column("Users per arm, lift")
    for power in powers:
        table.add_column(f"power {power:g}", justify="right")
    for lift in dict.fromkeys(cell.lift for cell in answer.table):
        found = [cell.users_per_arm for cell in answer.table if cell.lift == lift]
        shown = ["-" if isinstance(users, Refusal) else f"{users:,}" for users in found]
        table.add_row(f"{100 * lift:+.4g} %", *shown)
    click.echo()
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120).print(table)
