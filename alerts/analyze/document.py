"""The result of an analysis with stable keys, explained in docs/analyze.md."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from alerts.experiments.cuped import Cuped
from alerts.experiments.poststratify import Poststratified
from alerts.experiments.results import Refusal

if TYPE_CHECKING:
    from alerts.analyze.collect import Collected, Measure, Request
    from alerts.analyze.judge import Comparison, Judged, Outcome
    from alerts.experiments.srm import Srm


def document(
    file: str, request: Request, collected: Collected, judged: Judged, notes: list[str]
) -> dict[str, Any]:
    """Everything that is printed, and more digits of it."""
    return {
        "file": file,
        "rows": collected.rows,
        "rows_without_unit": collected.left_out[0],
        "rows_without_variation": collected.left_out[1],
        "mixed_units": collected.mixed_units,
        "unit": request.unit,
        "variation": request.variation,
        "stratum": request.stratum,
        "control": judged.control,
        "alpha": judged.alpha,
        "arms": [
            {
                "name": arm.name,
                "units": arm.units,
                "rows": arm.rows,
                "weight": arm.weight,
                "expected_units": _expected(judged.srm, place),
            }
            for place, arm in enumerate(judged.arms)
        ],
        "srm": _srm(judged.srm),
        "columns": [
            {
                "name": column.name,
                "missing": column.profile.missing,
                "per_unit": "once" if column.once else "sum",
                "is_exact": column.is_exact,
                "decimals": column.decimals,
            }
            for column in collected.columns
        ],
        "comparisons": [_comparison(request, each) for each in judged.comparisons],
        "notes": notes,
    }


def _expected(found: Srm | Refusal, place: int) -> float | None:
    return None if isinstance(found, Refusal) else found.expected[place]


def _srm(found: Srm | Refusal) -> dict[str, Any]:
    if isinstance(found, Refusal):
        names = ("chi2", "df", "p_value", "log10_bayes_factor")
        flags = ("is_mismatch", "is_mismatch_anytime")
        return {**dict.fromkeys((*names, *flags)), "reason": found.reason}
    return {
        "chi2": found.chi2,
        "df": found.df,
        "p_value": found.p_value,
        "log10_bayes_factor": found.log10_bayes_factor,
        "is_mismatch": found.is_mismatch,
        "is_mismatch_anytime": found.is_mismatch_anytime,
        "reason": found.reason,
    }


def _comparison(request: Request, found: Comparison) -> dict[str, Any]:
    return {
        "metric": found.metric.name,
        "kind": "mean" if found.metric.denominator is None else "ratio",
        "treatment": found.treatment,
        "estimate": {**_outcome(found.estimate), "p_value_holm": found.holm},
        "cuped": _cuped(found, _covariate(request, found.metric)),
        "post_stratified": _post_stratified(found),
        "impression_level": (
            None
            if found.impression_level is None
            else {**_outcome(found.impression_level), "decides": False}
        ),
    }


def _covariate(request: Request, metric: Measure) -> Measure | None:
    return request.covariates[request.metrics.index(metric)]


def _outcome(found: Outcome) -> dict[str, Any]:
    """An estimate, or the same keys with nothing in them and the reason."""
    names = ("method", "control", "treatment", "difference", "std_error", "statistic")
    more = ("degrees_of_freedom", "p_value")
    if isinstance(found, Refusal):
        empty = dict.fromkeys((*names, *more, "interval", "lift", "users"))
        return {**empty, "reason": found.reason}
    return {
        **{name: getattr(found, name) for name in (*names, *more)},
        "interval": [_finite(found.interval.low), _finite(found.interval.high)],
        "lift": {
            "value": found.lift.value,
            "interval": [found.lift.interval.low, found.lift.interval.high],
            "note": found.lift.note,
        },
        "users": found.users,
        "reason": None,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _cuped(found: Comparison, covariate: Measure | None) -> dict[str, Any] | None:
    result = found.cuped
    if result is None or covariate is None:
        return None
    whole = isinstance(result, Cuped)
    return {
        **_outcome(result.adjusted if isinstance(result, Cuped) else result),
        "p_value_holm": found.cuped_holm,
        "covariate": covariate.name,
        **{
            name: getattr(result, name) if whole else None
            for name in ("theta", "correlation", "variance_cut")
        },
    }


def _post_stratified(found: Comparison) -> dict[str, Any] | None:
    result = found.post_stratified
    if result is None:
        return None
    return {
        **_outcome(result.adjusted if isinstance(result, Poststratified) else result),
        "p_value_holm": found.post_stratified_holm,
        "variance_cut": result.variance_cut if isinstance(result, Poststratified) else None,
        "strata": (
            [list(stratum.segments) for stratum in result.strata]
            if isinstance(result, Poststratified)
            else None
        ),
    }
