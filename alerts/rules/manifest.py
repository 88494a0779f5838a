"""Rules against dbt's manifest: whether every mart and column they read is in the project."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from alerts.errors import ConfigurationError
from alerts.rules.marts import MARTS, REFERENCES, Age, Judgement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from alerts.rules.model import Rule

Relations = dict[str, frozenset[str]]
_KINDS = {"model", "seed"}


def manifest_path(project: Path) -> Path:
    """Where dbt leaves its manifest."""
    return project / os.environ.get("DBT_TARGET_PATH", "target") / "manifest.json"


def read_manifest(path: Path, prefix: str = "") -> Relations | None:
    """The columns of every model and seed by dotted name; None where there is no manifest.

    `prefix` is what stands before the schemas of a developer database.

    Raises:
        ConfigurationError: The file is no manifest.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        nodes: Mapping[str, Any] = content["nodes"]
        return {
            f"{str(node['schema']).removeprefix(prefix)}.{node['name']}": frozenset(node["columns"])
            for node in nodes.values()
            if node["resource_type"] in _KINDS
        }
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        msg = f"{path}: cannot be read as dbt's manifest: run `dbt parse` again"
        raise ConfigurationError(msg) from None


def missing(rules: Sequence[Rule], relations: Relations) -> Iterator[str]:
    """What the rules read and the project does not have, a line each."""
    for rule in rules:
        for relation, column in columns_read(rule):
            if relation not in relations:
                yield f"rule {rule.name!r}: the dbt project has no {relation}"
                break
            if column not in relations[relation]:
                yield f"rule {rule.name!r}: {relation} has no column {column} in the dbt project"


def columns_read(rule: Rule) -> Iterator[tuple[str, str]]:
    """Every relation with every column that a rule reads of it."""
    mart = MARTS[rule.mart]
    metric = mart.metrics[rule.metric]
    columns = [mart.time, *([mart.complete] if mart.complete else [])]
    # The labels of a test are not all columns: a guardrail is a metric with a margin.
    if not isinstance(metric, Judgement):
        columns += [*rule.by, *rule.where]
    columns += [part for column in metric.columns for part in mart.read(column)]
    if rule.min_denominator is not None:
        columns += mart.read(rule.min_denominator.column)
    if isinstance(metric, Age) and metric.of_loads:
        columns += ["reason", "loaded_through"]
    for column in dict.fromkeys(columns):
        yield rule.mart, column
    if rule.when.bound is None:
        reference = REFERENCES[rule.when.table]
        for column in (reference.key, rule.when.column):
            yield reference.relation, column
