"""Which alert is about which incident: by metric, by place, and by time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from alerts.rules import Freshness, Quarantine
from alerts.rules.marts import DAY, MARTS
from alerts.rules.model import DATA_QUALITY

if TYPE_CHECKING:
    from alerts.backtest.truth import Incident, Trial
    from alerts.rules import Rule
    from alerts.runner import Episode

# Marts made of the same rows: what is planted in the first shows in the others too.
_SAME_ROWS = {
    "analytics.engagement_daily": frozenset(
        {"analytics.engagement_daily", "analytics.engagement_hourly", "analytics.ctr_weekly"}
    )
}


def watches(rule: Rule, incident: Incident) -> bool:
    """Whether a rule looks at what the incident changes, on its surface.

    That is a metric made of the same counts; the silence of the mart for a day without rows; the
    refused share of its raw table for broken rows.
    """
    if isinstance(rule, Quarantine):
        tables = {None, incident.table}
        return incident.kind == "broken_rows" and rule.where.get("source_table") in tables
    if rule.mart not in _SAME_ROWS.get(incident.mart, {incident.mart}):
        return False
    if isinstance(rule, Freshness):
        return incident.kind == "missing_day"
    planted = MARTS[incident.mart].metrics.get(incident.metric)
    watched = MARTS[rule.mart].metrics[rule.metric]
    if planted is None or planted.columns != watched.columns:
        return False
    return incident.surface is None or rule.where.get("surface") in {None, incident.surface}


def is_about(episode: Episode, rule: Rule, incident: Incident) -> bool:
    """Whether an episode of a rule that watches the incident is about it: there, and then.

    Its breaches must meet the incident, and it must not have fired before the incident began.
    """
    if incident.trial is not None:
        return _is_about_trial(episode, incident, incident.trial)
    labels = dict(episode.labels)
    if incident.surface not in {None, labels.get("surface", incident.surface)}:
        return False
    if incident.table not in {"", labels.get("source_table", incident.table)}:
        return False
    if fired_at(episode, rule) <= incident.begins:
        return False
    hours = _hours(episode)
    if hours and incident.starts_at and incident.ends_at:
        return hours[0] < incident.ends_at and hours[1] >= incident.starts_at
    first, last = days_of(episode, rule)
    # What the night loads counts for the day of the load.
    loaded = DAY if rule.mart == DATA_QUALITY else timedelta()
    return first <= incident.last_day + loaded and last >= incident.first_day


def days_of(episode: Episode, rule: Rule) -> tuple[date, date]:
    """First and last day of an episode; a week covers seven."""
    length = max(MARTS[rule.mart].bucket, DAY)
    return day_of(episode.first), day_of(episode.last) + length - timedelta(days=1)


def fired_at(episode: Episode, rule: Rule) -> datetime:
    """When it could first be told: the end of the bucket that made the breach long enough."""
    mart = MARTS[rule.mart]
    return moment_of(episode.fired) + mart.bucket + mart.settles


def moment_of(bucket: date) -> datetime:
    """The start of a bucket; days are taken as those of UTC, which incidents are planted by."""
    return bucket if isinstance(bucket, datetime) else datetime.combine(bucket, time(), UTC)


def day_of(bucket: date) -> date:
    """The day a bucket begins on."""
    return bucket.date() if isinstance(bucket, datetime) else bucket


def _is_about_trial(episode: Episode, incident: Incident, trial: Trial) -> bool:
    """Whether an alert is about what is wrong with its experiment, and no earlier than that."""
    labels = dict(episode.labels)
    if any(labels.get(name) != value for name, value in incident.labels.items()):
        return False
    if "guardrail" in labels and labels["guardrail"] not in trial.guardrails:
        return False
    return incident.first_day <= day_of(episode.fired) <= incident.last_day


def _hours(episode: Episode) -> tuple[datetime, datetime] | None:
    """First and last bucket where they are moments rather than days."""
    if isinstance(episode.first, datetime) and isinstance(episode.last, datetime):
        return episode.first, episode.last
    return None
