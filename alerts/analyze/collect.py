"""From the rows of a file to the moments of each arm.

The file is read a few times and never held: once for the values of `--variation`, once per column
to see what it holds, once to add up each unit. A unit's totals go to a temporary table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from alerts.analyze import numbers
from alerts.errors import ConfigurationError
from alerts.experiments.moments import Moments
from alerts.notify.text import fit, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.analyze.numbers import Profile
    from alerts.analyze.table import Column, Table
    from alerts.experiments.moments import Total

MOST_ARMS = 50
MOST_STRATA = 1_000
UNKNOWN = "(unknown)"
SEVERAL = "(several)"


@dataclass(frozen=True, slots=True)
class Measure:
    """What is compared, or what it is adjusted with: a column per unit, or one per another.

    Attributes:
        numerator: A column of the file.
        denominator: Of a ratio; None of a mean per unit.
    """

    numerator: str
    denominator: str | None = None

    @classmethod
    def parse(cls, text: str, flag: str, columns: Sequence[str]) -> Measure:
        """`COL` or `COL/COL`; a column whose own name has a slash is taken as it stands."""
        if text in columns or "/" not in text:
            return cls(text)
        for place in (i for i, char in enumerate(text) if char == "/"):
            top, bottom = text[:place], text[place + 1 :]
            if top in columns and bottom in columns:
                return cls(top, bottom)
        top, _, bottom = text.partition("/")
        if not top or not bottom:
            raise ConfigurationError(f"{flag} {text}: write COL, or COL/COL for a ratio")
        return cls(top, bottom)

    @property
    def name(self) -> str:
        """As the user writes it."""
        if self.denominator is None:
            return self.numerator
        return f"{self.numerator}/{self.denominator}"

    @property
    def columns(self) -> tuple[str, ...]:
        """One or two."""
        return (self.numerator,) if self.denominator is None else (self.numerator, self.denominator)


@dataclass(frozen=True, slots=True)
class Request:
    """What of the file is analysed.

    Attributes:
        unit: Column: what was randomized.
        variation: Column: the arm.
        stratum: Column: a segment known before the experiment, or None.
        metrics: One or more.
        covariates: For each metric its covariate, or None.
    """

    unit: str
    variation: str
    stratum: str | None
    metrics: tuple[Measure, ...]
    covariates: tuple[Measure | None, ...]


@dataclass(frozen=True, slots=True)
class Used:
    """A column with numbers, and how it was taken.

    Attributes:
        name: In the file.
        profile: What it holds.
        once: Whether it is the same on every row of a unit, and counts once.
        decimals: To which a unit's total was taken.
    """

    name: str
    profile: Profile
    once: bool
    decimals: int

    @property
    def is_exact(self) -> bool:
        """Whether nothing was rounded."""
        return self.profile.decimals is not None and self.decimals >= self.profile.decimals


@dataclass(frozen=True, slots=True)
class Cell:
    """One arm, or one stratum of it.

    Attributes:
        units: In it.
        rows: Of these units.
        moments: By metric, in the order of the request.
    """

    units: int
    rows: int
    moments: tuple[Moments, ...]

    def __add__(self, other: Cell) -> Cell:
        """Both together."""
        moments = zip(self.moments, other.moments, strict=True)
        return Cell(
            self.units + other.units, self.rows + other.rows, tuple(a + b for a, b in moments)
        )


@dataclass(frozen=True)
class Collected:
    """All that is asked of the file.

    Attributes:
        rows: Of the file.
        left_out: Rows without a unit, and rows that have one but no variation.
        mixed_units: Units in two variations; they are in no arm.
        arms: By name, by stratum (one, `all`, where none was asked for).
        columns: With numbers.
        rates: For each metric, whether each row's numerator is a count out of its denominator.
    """

    rows: int
    left_out: tuple[int, int]
    mixed_units: int
    arms: Mapping[str, Mapping[str, Cell]]
    columns: tuple[Used, ...]
    rates: tuple[bool, ...] = field(default=())


def collect(table: Table, request: Request) -> Collected:
    """Read the file.

    Raises:
        ConfigurationError: It has no rows, lacks a column, or holds what is no number.
    """
    unit = table.column(request.unit, "--unit")
    variation = table.column(request.variation, "--variation")
    columns, profiles = _profiles(table, request)
    rows, left_out = _rows(table, unit, variation)
    _name_values(table, variation, "arms", MOST_ARMS, "--variation")
    if request.stratum is not None:
        stratum = table.column(request.stratum, "--stratum")
        _name_values(table, stratum, "strata", MOST_STRATA, "--stratum")
    else:
        stratum = None
    attributes = {name for each in request.covariates if each for name in each.columns}
    attributes -= {name for each in request.metrics for name in each.columns}
    _add_up(table, unit, variation, stratum, columns, profiles, attributes)
    used, totals = _totals(table, columns, profiles, attributes)
    rates = tuple(_is_rate(table, each, columns, profiles) for each in request.metrics)
    mixed = table.query("select count(*) from units where arm <> last_arm")[0][0]
    arms = _cells(table, request, used, totals)
    return Collected(rows, left_out, mixed, arms, tuple(used.values()), rates)


def _profiles(table: Table, request: Request) -> tuple[dict[str, Column], dict[str, Profile]]:
    columns: dict[str, Column] = {}
    profiles: dict[str, Profile] = {}
    asked = [("--metric", each) for each in request.metrics]
    asked += [("--covariate", each) for each in request.covariates if each]
    for flag, measure in asked:
        for name in measure.columns:
            columns[name] = table.column(name, flag)
    for flag, measure in asked:
        for name in measure.columns:
            if name not in profiles:
                profiles[name] = numbers.profile(table, columns[name], flag)
    return columns, profiles


def _rows(table: Table, unit: Column, variation: Column) -> tuple[int, tuple[int, int]]:
    [(rows, without_unit, without_arm)] = table.query(
        f"select count(*), count(*) filter ({unit.text} is null),"  # noqa: S608 - aliases, no names
        f" count(*) filter ({unit.text} is not null and {variation.text} is null) from {{file}}"
    )
    if not rows:
        raise ConfigurationError(f"{table.name}: is empty: it has columns, but no rows")
    if without_unit + without_arm == rows:
        raise ConfigurationError(
            f"{table.name}: no row has both a {one_line(unit.name)} and a"
            f" {one_line(variation.name)}"
        )
    return rows, (without_unit, without_arm)


def _name_values(table: Table, column: Column, target: str, most: int, flag: str) -> None:
    """The values of a column, numbered, as a table; numbers can be grouped in bounded memory."""
    table.query(
        f"create temp table {target} as select value, cast(row_number() over (order by value) as"  # noqa: S608 - aliases, no names
        f" integer) as id from (select distinct {column.text} as value from {{file}}"
        f" where {column.text} is not null limit {most + 1})"
    )
    [(values,)] = table.query(f"select count(*) from {target}")  # noqa: S608
    if values > most:
        [(example,)] = table.query(f"select min(value) from {target}")  # noqa: S608
        raise ConfigurationError(
            f"{flag} {one_line(column.name)}: more than {most:,} values, such as"
            f" {fit(one_line(example), 40)!r}: is it the right column?"
        )


def _add_up(  # noqa: PLR0913, PLR0917 - the columns by their part
    table: Table,
    unit: Column,
    variation: Column,
    stratum: Column | None,
    columns: Mapping[str, Column],
    profiles: Mapping[str, Profile],
    attributes: set[str],
) -> None:
    """One row per unit: its arm, its stratum, its rows and the total of each column."""
    taken, added = [], []
    for place, (name, column) in enumerate(columns.items()):
        value = numbers.expressions(column, "").value
        taken.append(f"cast({value} as decimal(38, {profiles[name].row_scale})) as v{place}")
        added.append(f"coalesce(sum(v{place}), 0) as t{place}")
        if name in attributes:
            added.append(f"min(v{place}) as low{place}, max(v{place}) as high{place}")
            added.append(f"count(v{place}) as given{place}")
    stratum_id = "0" if stratum is None else "coalesce(strata.id, 0)"
    of_stratum = "" if stratum is None else f"left join strata on strata.value = ({stratum.text})"
    table.query(
        f"""
        create temp table units as
        select
            min(arm) as arm,
            max(arm) as last_arm,
            case when min(stratum) = max(stratum) then min(stratum) else -1 end as stratum,
            count(*) as rows,
            {", ".join(added)}
        from (
            select
                {unit.text} as unit, arms.id as arm, {stratum_id} as stratum, {", ".join(taken)}
            from {{file}}
            inner join arms on arms.value = ({variation.text})
            {of_stratum}
        ) as chosen
        where unit is not null
        group by unit
        """  # noqa: S608 - aliases, no names
    )


def _totals(
    table: Table,
    columns: Mapping[str, Column],
    profiles: Mapping[str, Profile],
    attributes: set[str],
) -> tuple[dict[str, Used], dict[str, str]]:
    """How each column is taken, and the SQL of a unit's total of it."""
    used, totals = {}, {}
    for place, (name, column) in enumerate(columns.items()):
        once = False
        if name in attributes:
            # An attribute of the unit that stands on each of its rows is no sum of events.
            [(same, several)] = table.query(
                f"select bool_and(given{place} = rows and low{place} = high{place}),"  # noqa: S608
                " max(rows) > 1 from units"
            )
            once = bool(same and several)
        source = f"low{place}" if once else f"t{place}"
        [(units, largest)] = table.query(f"select count(*), max(abs({source})) from units")  # noqa: S608
        decimals = numbers.scale(column, profiles[name], float(largest), units)
        used[name] = Used(name, profiles[name], once, decimals)
        totals[name] = f"cast({source} as decimal(19, {decimals}))"
    return used, totals


def _is_rate(
    table: Table,
    metric: Measure,
    columns: Mapping[str, Column],
    profiles: Mapping[str, Profile],
) -> bool:
    """Whether each row says how many of so many: 0 or 1, or clicks out of impressions."""
    if metric.denominator is None:
        return profiles[metric.numerator].is_flag
    if any(profiles[name].decimals != 0 for name in metric.columns):
        return False
    top, bottom = (numbers.expressions(columns[name], "").double for name in metric.columns)
    [(outside,)] = table.query(
        f"select count(*) from {{file}} where coalesce({top}, 0) < 0"  # noqa: S608 - aliases, no names
        f" or coalesce({top}, 0) > coalesce({bottom}, 0)"
    )
    return not outside


def _cells(
    table: Table, request: Request, used: Mapping[str, Used], totals: Mapping[str, str]
) -> dict[str, dict[str, Cell]]:
    names = list(used)
    asked = [
        _parts(metric, covariate)
        for metric, covariate in zip(request.metrics, request.covariates, strict=True)
    ]
    pairs = {pair for parts in asked for pair in _pairs(parts)}
    wanted = sorted(pairs)
    selected = [f"sum({totals[name]})" for name in names]
    selected += [f"sum({totals[a]} * {totals[b]})" for a, b in wanted]
    strata = {0: "all" if request.stratum is None else UNKNOWN, -1: SEVERAL}
    if request.stratum is not None:
        strata |= dict(table.query("select id, value from strata"))
    arms: dict[str, dict[str, Cell]] = {
        name: {} for (name,) in table.query("select value from arms order by value")
    }
    for arm, stratum, units, rows, *sums in table.query(
        f"select arms.value, stratum, count(*), sum(rows), {', '.join(selected)} from units"  # noqa: S608
        " inner join arms on arms.id = units.arm where arm = last_arm group by arms.value, stratum"
    ):
        singles = dict(zip(names, map(Fraction, sums), strict=False))
        products = dict(zip(wanted, map(Fraction, sums[len(names) :]), strict=True))
        moments = tuple(_moments(units, parts, singles, products) for parts in asked)
        arms[arm][strata[stratum]] = Cell(units, int(rows), moments)
    return arms


# Which column a total is of; None for a total of 1 per unit.
Parts = dict["Total", "str | None"]


def _parts(metric: Measure, covariate: Measure | None) -> Parts:
    parts: Parts = {"m": metric.numerator, "d": metric.denominator}
    if covariate is not None:
        parts |= {"p": covariate.numerator, "q": covariate.denominator}
    return parts


def _pairs(parts: Parts) -> set[tuple[str, str]]:
    columns = sorted({column for column in parts.values() if column is not None})
    return {(a, b) for a in columns for b in columns if a <= b}


def _moments(
    units: int,
    parts: Parts,
    singles: Mapping[str, Fraction],
    products: Mapping[tuple[str, str], Fraction],
) -> Moments:
    def product(a: str | None, b: str | None) -> Fraction:
        if a is None or b is None:
            one = a or b
            return Fraction(units) if one is None else singles[one]
        return products[(a, b) if a <= b else (b, a)]

    sums = {f"sum_{total}": product(column, None) for total, column in parts.items()}
    for a, first in parts.items():
        for b, second in parts.items():
            if "mdpq".index(a) <= "mdpq".index(b):
                sums[f"sum_{a}{b}"] = product(first, second)
    return Moments.of(units, sums)
