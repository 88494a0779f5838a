"""The statements that make empty marts of experiments."""

from __future__ import annotations

_PLANS = """create table if not exists {schema}experiments.experiment_plans (
    experiment_key text, name text, owner text, source text, control text, arms bigint,
    weight_periods bigint, weights_changed_at timestamptz, started_at timestamptz,
    ended_at timestamptz, first_day date, last_day date, decision_day date,
    min_duration_days double precision, horizon_users double precision,
    latency_threshold_ms double precision, updated_at timestamptz, loaded_through timestamptz,
    status text)"""
_METRICS = """create table if not exists {schema}experiments.experiment_plan_metrics (
    experiment_key text, metric text, is_measured boolean, kind text, direction text,
    threshold text, margin double precision, margin_type text, scale double precision, role text)"""
_SRM = """create table if not exists {schema}experiments.experiment_srm_daily (
    experiment_key text, variation text, weight_period bigint, assigned_users bigint,
    exposed_users bigint, expected_weight double precision, expected_users double precision,
    mixed_users bigint, loaded_through timestamptz, day date)"""
_HEALTH = """create table if not exists {schema}experiments.experiment_health_daily (
    experiment_key text, assigned_users bigint, exposed_users bigint,
    exposed_without_assignment bigint, assigned_without_exposure bigint, mixed_users bigint,
    exposed_to_other_variation bigint, loaded_through timestamptz, day date)"""
_HOURLY = """create table if not exists {schema}experiments.experiment_hourly (
    hour timestamptz, experiment_key text, variation text, surface text, impressions bigint,
    clicks bigint, ctr double precision, adds bigint, revenue numeric(38, 4),
    loaded_through timestamptz, utc_day date)"""
_BLEND = """create table if not exists {schema}experiments.blend_weights_daily (
    day date, experiment_key text, variation text, namespace text, surface text, user_type text,
    device text, requests bigint, served_items bigint, impressions bigint, clicks bigint,
    ctr double precision, adds bigint, add_to_cart_rate double precision, purchases bigint,
    revenue numeric(38, 4), rpm double precision, personalized_items bigint,
    personalized_share double precision, unavailable_items bigint,
    out_of_stock_rate double precision, candidate_coverage double precision,
    coverage_blocks bigint, loaded_through timestamptz)"""
_MOMENTS = """create table if not exists {schema}experiments.experiment_moments_daily (
    experiment_key text, metric text, segment_type text, segment text, variation text,
    users bigint, sum_m numeric(38, 8), sum_d numeric(38, 8), sum_p numeric(38, 8),
    sum_q numeric(38, 8), sum_mm numeric(38, 8), sum_dd numeric(38, 8), sum_pp numeric(38, 8),
    sum_qq numeric(38, 8), sum_md numeric(38, 8), sum_mp numeric(38, 8), sum_mq numeric(38, 8),
    sum_dp numeric(38, 8), sum_dq numeric(38, 8), sum_pq numeric(38, 8),
    loaded_through timestamptz, day date)"""
TABLES = (_PLANS, _METRICS, _SRM, _HEALTH, _HOURLY, _BLEND, _MOMENTS)


def trials_ddl(prefix: str = "") -> list[str]:
    """The statements that make empty marts, in SQL that Postgres takes as well."""
    schema = f'create schema if not exists "{prefix}experiments"'
    return [schema, *(statement.format(schema=prefix) for statement in TABLES)]
