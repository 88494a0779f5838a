"""Users, one by one: what the moments are sums of, and figures computed the plain way from them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from alerts.experiments.moments import Moments
from alerts.experiments.results import Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alerts.experiments.results import Estimate
    from alerts.experiments.values import Kind

PAIRS = ("mm", "dd", "pp", "qq", "md", "mp", "mq", "dp", "dq", "pq")


@dataclass(frozen=True)
class Users:
    """The totals of each user of an arm; m and p in hundredths where they are money."""

    m: NDArray[np.int64]
    d: NDArray[np.int64]
    p: NDArray[np.int64]
    q: NDArray[np.int64]
    unit: Fraction = Fraction(1)

    def __len__(self) -> int:
        return len(self.m)

    def __getitem__(self, which: NDArray[np.bool_]) -> Users:
        return Users(self.m[which], self.d[which], self.p[which], self.q[which], self.unit)

    def moments(self) -> Moments:
        """As the mart has them."""
        # Python's integers: squares of 10^12 do not fit into 64 bits.
        totals = {name: getattr(self, name).astype(object) for name in "mdpq"}
        units = {"m": self.unit, "d": Fraction(1), "p": self.unit, "q": Fraction(1)}
        sums = {f"sum_{a}": totals[a].sum() * units[a] for a in totals}
        for a, b in PAIRS:
            sums[f"sum_{a}{b}"] = (totals[a] * totals[b]).sum() * units[a] * units[b]
        return Moments.of(len(self), sums)

    def floats(self, name: str) -> NDArray[np.float64]:
        """A total of each user in its own unit."""
        unit = float(self.unit) if name in "mp" else 1.0
        return getattr(self, name).astype(float) * unit  # type: ignore[no-any-return]

    def values(self, kind: Kind, *, before: bool = False) -> NDArray[np.float64]:
        """The metric as one value per user, linearized where it is a ratio."""
        top, bottom = (self.floats(name) for name in ("pq" if before else "md"))
        if kind == "mean":
            return top
        ratio = top.sum() / bottom.sum()
        return np.asarray(ratio + (top - ratio * bottom) / bottom.mean())


def sample(
    rng: np.random.Generator, kind: Kind, users: int, *, lift: float = 0.0, scale: int = 1
) -> Users:
    """Users who click (ratio) or buy (mean) as they did before; more of it by `lift`."""
    habit = rng.gamma(2.0, 0.5, users)
    if kind == "ratio":
        rate = rng.beta(2, 8, users)
        d, q = 1 + rng.poisson(6 * habit), rng.poisson(6 * habit)
        m = rng.binomial(d, np.minimum(rate * (1 + lift), 1))
        return Users(m, d, rng.binomial(q, rate), q)
    ones = np.ones(users, dtype=np.int64)
    money = rng.lognormal(2, 0.5, (2, users)) * habit**2 * (rng.random((2, users)) < 0.8) * 100
    m, p = (scale * money).astype(np.int64)
    return Users((m * (1 + lift)).astype(np.int64), ones, p, ones, Fraction(1, 100))


def table(control: Users, treatment: Users, **more: NDArray[np.float64]) -> pa.Table:
    """Both arms as rows, for tea-tasting."""
    columns = {
        name: np.concatenate([control.floats(name), treatment.floats(name)]) for name in "mdpq"
    }
    variant = [0] * len(control) + [1] * len(treatment)
    return pa.table({"variant": variant, **columns, **more})


def tasted(metric: Any, rows: pa.Table) -> tuple[float, ...]:
    """What tea-tasting says, in the order of `figures`."""
    result = metric.analyze(rows, 0, 1, variant="variant")
    return (
        result.control,
        result.treatment,
        result.effect_size,
        result.statistic,
        result.pvalue,
        result.effect_size_ci_lower,
        result.effect_size_ci_upper,
        result.rel_effect_size,
    )


def done(result: Any) -> Any:
    """The result; fails with the reason where there is none."""
    assert not isinstance(result, Refusal), result
    return result


def arms(kind: Kind, sizes: tuple[int, int], lift: float) -> tuple[Users, Users]:
    """A control and a treatment arm, the same ones each time."""
    rng = np.random.default_rng((*sizes, round(100 * (1 + lift)), kind == "mean"))
    return sample(rng, kind, sizes[0]), sample(rng, kind, sizes[1], lift=lift)


def figures(result: Estimate) -> tuple[float | None, ...]:
    """What is compared with other programs."""
    levels = (result.control, result.treatment, result.difference, result.statistic)
    bounds = (result.p_value, result.interval.low, result.interval.high)
    return (*levels, *bounds, result.lift.value)


def exactly(*expected: float) -> Any:
    """To 1e-9 of each figure, however small it is."""
    return pytest.approx(expected, rel=1e-9, abs=0)
