"""Rules on experiments: what they may say, and what they need not."""

from pathlib import Path

import pytest

from tests.alerts.rules.test_load import errors, load

TRIALS = """
rules:
  - name: r
    kind: {kind}
    {more}
"""


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("srm", "by: []", "srm rules are by [experiment_key]; restrict them with where"),
        ("srm", 'when: "> 0.5"', 'a mismatch is a small p-value: write "< 0.001"'),
        ("srm", 'when: "< 1"', 'a mismatch is a small p-value: write "< 0.001"'),
        ("srm", "where: {variation: a}", "has no label 'variation'"),
        ("srm", "min_denominator: {column: users, value: 1}", "has no countable column 'users'"),
        (
            "srm",
            "mart: experiments.experiment_moments_daily",
            "has no metric 'srm_p_value'",
        ),
        ("guardrail", 'when: "> 1"', "leave it out: the margins stand in the guardrail file"),
        ("guardrail", "by: [guardrail]", "guardrail rules are by [experiment_key, guardrail"),
        ("guardrail", "for: 2d", "unknown field 'for'"),
        (
            "threshold",
            "{mart: experiments.experiment_srm_daily, metric: srm_p_value, when: '< 1'}",
            "'srm_p_value' is a test: write kind: srm",
        ),
        (
            "experiment_delta",
            "{mart: analytics.ctr_weekly, metric: ctr, when: '< 0', by: [surface]}",
            "analytics.ctr_weekly does not tell arms apart",
        ),
        (
            "experiment_delta",
            "{mart: experiments.experiment_hourly, metric: ctr, when: '< 0', by: [variation]}",
            "arms are of one experiment: add experiment_key to by or to where",
        ),
        (
            "experiment_delta",
            "{mart: experiments.experiment_hourly, metric: ctr, when: '< 0', "
            "by: [experiment_key], where: {variation: a}}",
            "add variation to by and leave it out of where: control is read as well",
        ),
        (
            "experiment_delta",
            "{mart: experiments.experiment_hourly, metric: clicks, when: '< 0'}",
            "'clicks' is no ratio, and grows with the arm",
        ),
        (
            "experiment_delta",
            "{mart: experiments.experiment_hourly, metric: ctr, when: '< -5'}",
            'a delta is relative: write "< -0.05" for more than 5 % less',
        ),
        (
            "experiment_delta",
            "{mart: experiments.experiment_hourly, metric: revenue_per_impression, "
            "when: '< 0', confidence: 0.9}",
            "how far revenue scatters cannot be told from its sums: leave it out",
        ),
        (
            "experiment_delta",
            "{mart: experiments.experiment_hourly, metric: ctr, when: '< 0', confidence: 95.0}",
            "'confidence': input should be less than 1",
        ),
    ],
)
def test_rules_on_experiments_that_make_no_sense(
    tmp_path: Path, kind: str, more: str, expected: str
) -> None:
    if more.startswith("{"):
        body = f"\nrules:\n  - {{name: r, kind: {kind}, {more[1:]}\n".replace("'", '"')
    else:
        body = TRIALS.format(kind=kind, more=more)
    assert expected in "\n".join(errors(tmp_path, body))


def test_what_rules_on_experiments_need_not_say(tmp_path: Path) -> None:
    body = "\nrules: [{name: a, kind: srm}, {name: b, kind: guardrail}]\n"
    split, harm = load(tmp_path, body).rules
    assert (split.mart, split.when.bound) == ("experiments.experiment_srm_daily", 0.001)
    assert (harm.mart, harm.metric) == ("experiments.experiment_moments_daily", "excess")
