"""The numbers in a column: which values are numbers, and how exactly their sums can be formed.

Sums of products are formed in integers of at most 38 digits, as in the warehouse, so that they do
not depend on the order of the rows. Values with up to 4 decimals are exact in them; values with
more are rounded to the last decimal that leaves room for the sums, 15 digits or more of the
largest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.errors import ConfigurationError
from alerts.notify.text import fit, one_line

if TYPE_CHECKING:
    from alerts.analyze.table import Column, Table

EXACT_DECIMALS = 4
# decimal(38) for a total, of which decimal(19) may be multiplied with another.
_DIGITS = 19
_MOST_DECIMALS = 18
_LARGEST = 1e15
_NATIVE = {
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
}
_NUMBER = r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
_SHORT = rf"[+-]?[0-9]*[.]?[0-9]{{0,{EXACT_DECIMALS}}}0*"
_NOT_FINITE = r"[+-]?(nan|inf|infinity)"


@dataclass(frozen=True, slots=True)
class Expressions:
    """A column in SQL.

    Attributes:
        value: What can be cast to a decimal: the number as it stands; null where missing.
        double: The number; null where missing or no number.
        is_bad: Whether it is neither missing nor a number.
        is_infinite: Whether it is a number without a place, or NaN.
        is_long: Whether it has more than 4 decimals.
    """

    value: str
    double: str
    is_bad: str
    is_infinite: str
    is_long: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What a column holds.

    Attributes:
        missing: Rows without a value.
        largest: By size.
        decimals: 0, 4, or None for more.
        is_flag: Whether each value is 0 or 1.
    """

    missing: int
    largest: float
    decimals: int | None
    is_flag: bool

    @property
    def row_scale(self) -> int:
        """The decimals to which a row's value is taken."""
        if self.decimals is not None:
            return self.decimals
        whole = math.floor(math.log10(self.largest)) + 1 if self.largest else 0
        return max(EXACT_DECIMALS, min(_MOST_DECIMALS, _MOST_DECIMALS - whole))


def expressions(column: Column, flag: str) -> Expressions:
    """How the column is read; an error where its type holds no numbers."""
    alias = column.alias
    if column.kind == "BOOLEAN":
        number = f"cast({alias} as integer)"
        return Expressions(number, f"cast({alias} as double)", "false", "false", "false")
    if column.kind in _NATIVE:
        return Expressions(alias, f"cast({alias} as double)", "false", "false", "false")
    if column.kind == "DOUBLE":
        short = f"cast(try_cast({alias} as decimal(38, {EXACT_DECIMALS})) as double) = {alias}"
        return Expressions(
            alias, alias, "false", f"not isfinite({alias})", f"not coalesce({short}, false)"
        )
    if column.kind == "FLOAT" or column.kind.startswith(("DECIMAL", "VARCHAR", "ENUM")):
        return _of_text(column)
    raise ConfigurationError(f"{flag}: column {column.name} holds {column.kind}, no numbers")


def profile(table: Table, column: Column, flag: str) -> Profile:
    """What the column holds; an error where that is not only finite numbers."""
    read = expressions(column, flag)
    [(rows, missing, bad, infinite, long, broken, largest, others)] = table.query(
        f"""
        select
            count(*),
            count(*) filter ({column.text} is null),
            count(*) filter ({read.is_bad}),
            count(*) filter ({read.is_infinite}),
            count(*) filter ({read.double} is not null and {read.is_long}),
            count(*) filter ({read.double} <> floor({read.double})),
            coalesce(max(abs({read.double})), 0),
            count(*) filter ({read.double} not in (0, 1))
        from {{file}}
        """  # noqa: S608 - aliases, no names
    )
    if bad or infinite:
        wrong = read.is_bad if bad else read.is_infinite
        row, value = table.first_row(wrong, column)
        what = "no numbers" if bad else "not finite"
        raise ConfigurationError(
            f"{table.name}: {flag} {one_line(column.name)}: {bad or infinite:,} of {rows:,} values"
            f" are {what}, the first {fit(one_line(value), 40)!r} in row {row:,}:"
            " correct these rows or leave them out"
        )
    if largest >= _LARGEST:
        raise too_large(column)
    decimals = None if long else EXACT_DECIMALS if broken else 0
    return Profile(missing, largest, decimals, not others)


def scale(column: Column, found: Profile, largest: float, units: int) -> int:
    """The decimals to which a unit's total may be taken so that the sums of products fit.

    Args:
        column: Whose values they are.
        found: In its rows.
        largest: Total of a unit, by size.
        units: That are summed over.
    """
    room = 10.0**_DIGITS / (2 * math.sqrt(max(units, 1)))
    decimals = found.row_scale
    while decimals >= 0 and largest * 10.0**decimals >= room:
        decimals -= 1
    if decimals < 0:
        raise too_large(column)
    return decimals


def too_large(column: Column) -> ConfigurationError:
    """The error for values that no sum of ours can hold."""
    return ConfigurationError(
        f"column {one_line(column.name)}: its numbers are too large: count in thousands or millions"
    )


def _of_text(column: Column) -> Expressions:
    text = f"({column.text})"
    # pandas writes True, R writes TRUE.
    number = f"(case lower({text}) when 'true' then '1' when 'false' then '0' else {text} end)"
    is_number = f"regexp_full_match({number}, '{_NUMBER}')"
    is_infinite = f"regexp_full_match(lower({text}), '{_NOT_FINITE}')"
    double = f"(case when {is_number} then try_cast({number} as double) end)"
    short = (
        f"regexp_full_match({number}, '{_SHORT}')"
        f" or (contains(lower({number}), 'e') and"
        f" cast(try_cast({number} as decimal(38, {EXACT_DECIMALS})) as double) = {double})"
    )
    return Expressions(
        value=number,
        double=double,
        is_bad=f"({text} is not null and not {is_number} and not {is_infinite})",
        # 1e999 is written as a number, but there is none.
        is_infinite=f"({is_infinite} or coalesce(not isfinite({double}), {is_number}))",
        is_long=f"not coalesce({short}, false)",
    )
