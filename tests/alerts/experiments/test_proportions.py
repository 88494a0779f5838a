"""The z-test of impressions against three libraries."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import tea_tasting as tt
from scipy.stats import chi2_contingency
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from alerts.experiments.proportions import Counts, two_proportions
from alerts.experiments.results import Refusal
from tests.alerts.experiments.reference import done, exactly

TEN = Counts(1, 10)


@pytest.mark.parametrize("alpha", [0.05, 0.2])
@pytest.mark.parametrize(
    ("control", "treatment"),
    [
        (Counts(3, 20), Counts(9, 22)),
        (Counts(500, 10_000), Counts(515, 10_000)),
        (Counts(500, 10_000), Counts(900, 12_000)),
        (Counts(0, 400), Counts(7, 300)),
        (Counts(10**9, 10**11), Counts(10**9 + 10**5, 10**11)),
    ],
    ids=str,
)
def test_as_statsmodels_scipy_and_tea_tasting(
    control: Counts, treatment: Counts, alpha: float
) -> None:
    result = done(two_proportions(control, treatment, alpha=alpha))
    clicks = np.array([treatment.clicks, control.clicks])
    shown = np.array([treatment.impressions, control.impressions])
    assert (result.statistic, result.p_value) == exactly(*proportions_ztest(clicks, shown))
    bounds = confint_proportions_2indep(
        *(clicks[0], shown[0], clicks[1], shown[1]), method="wald", compare="diff", alpha=alpha
    )
    low_and_high = result.interval.low, result.interval.high
    assert low_and_high == pytest.approx(bounds, rel=1e-9, abs=1e-15)
    chi_square = chi2_contingency(np.array([clicks, shown - clicks]), correction=False)
    assert (result.statistic**2, result.p_value) == exactly(chi_square.statistic, chi_square.pvalue)
    assert (result.method, result.users) == ("impression-level z", shown.sum())
    assert result.difference / result.std_error == result.statistic

    if shown.sum() > 10**5:
        return
    rows = {
        "variant": np.repeat([0, 1], shown[::-1]),
        "clicked": np.concatenate(
            [np.arange(arm.impressions) < arm.clicks for arm in (control, treatment)]
        ).astype(int),
    }
    metric = tt.Proportion("clicked", method="norm", correction=False, equal_var=True)
    tasted = metric.analyze(pa.table(rows), 0, 1, variant="variant")
    assert (result.control, result.treatment, result.p_value) == exactly(
        tasted.control, tasted.treatment, tasted.pvalue
    )


def test_the_lift_goes_with_the_interval() -> None:
    result = done(two_proportions(Counts(500, 10_000), Counts(900, 12_000)))
    assert result.lift.value == pytest.approx(0.5)
    assert result.lift.interval.low is not None
    assert result.lift.interval.low > 0
    silent = done(two_proportions(Counts(0, 400), Counts(7, 300))).lift
    assert (silent.value, silent.note) == (None, "control not distinguishable from 0")


@pytest.mark.parametrize(
    ("control", "treatment", "reason"),
    [
        (None, TEN, "no control"),
        (Counts(0, 0), TEN, "no control"),
        (TEN, None, "no treatment"),
        (TEN, Counts(0, 0), "no treatment"),
        (TEN, Counts(11, 10), "more clicks than impressions"),
        (Counts(11, 10), TEN, "more clicks than impressions"),
        (Counts(0, 10), Counts(0, 20), "zero variance"),
        (Counts(10, 10), Counts(20, 20), "zero variance"),
        (Counts(0, 10), Counts(20, 20), "zero variance"),
    ],
)
def test_what_cannot_be_tested_has_a_reason(
    control: Counts | None, treatment: Counts | None, reason: str
) -> None:
    assert two_proportions(control, treatment) == Refusal(reason)


def test_an_alpha_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="alpha is 1"):
        two_proportions(TEN, TEN, alpha=1)
