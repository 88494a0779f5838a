"""What README and docs say is so: commands, flags, targets, files, columns, and their examples."""

from __future__ import annotations

import re
import shutil
import tomllib
import warnings
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import click
import pytest
import yaml

from alerts.cli import cli
from alerts.errors import RecwatchError
from alerts.rules import DEFAULT_RULES, load_rules
from tests.project import harness
from tests.project.harness import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.project.harness import Project

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
MARTS = sorted((ROOT / "models" / "marts").rglob("*.sql"))
ANALYSES = sorted((ROOT / "analyses").glob("*.sql"))
PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(text: str, language: str | None = None) -> list[str]:
    """The fenced blocks of a page, those of one language or all, without their indentation."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    return [
        re.sub(rf"^{indent}", "", content, flags=re.MULTILINE)
        for indent, name, content in found
        if language is None or name == language
    ]


def code(text: str) -> list[str]:
    """Everything that a page marks as code: lines of blocks, and words within a line.

    A block without a language is a drawing.
    """
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    inline = [" ".join(one.split()) for one in re.findall(r"`([^`]+)`", prose)]
    fenced = set(blocks(text)) - set(blocks(text, ""))
    return [line for block in sorted(fenced) for line in block.splitlines()] + inline


def calls(program: str, text: str) -> Iterator[list[str]]:
    """The arguments of each call of a program in a page's code, up to the end of the command."""
    for line in code(text):
        for call in re.findall(rf"(?<![\w./-]){program} ([a-z][^&|;#]*)", line):
            yield call.replace("'", " ").replace('"', " ").split()


def mistakes(root: click.Group, arguments: list[str]) -> Iterator[str]:
    """The commands and flags of one call that the program does not have."""
    context = click.Context(root)
    command: click.Command = root
    flags = set(arguments_of(root))
    for argument in arguments:
        if argument.startswith("-") and not re.fullmatch(r"-\d.*", argument):
            if argument.split("=")[0] not in flags:
                yield argument
        elif isinstance(command, click.Group):
            found = command.get_command(context, argument)
            if found is None:
                yield argument
                return
            command = found
            flags |= set(arguments_of(command))


def arguments_of(command: click.Command) -> list[str]:
    return [
        "--help",
        *(flag for option in command.params for flag in (*option.opts, *option.secondary_opts)),
    ]


def dbt_cli() -> click.Group:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dbt's and its libraries' own
        from dbt.cli.main import cli as root
    assert isinstance(root, click.Group)
    return root


@PAGE
def test_commands_and_flags_exist(page: Path) -> None:
    text = page.read_text()
    for program, root in (("recwatch", cli), ("dbt", dbt_cli())):
        for call in calls(program, text):
            assert list(mistakes(root, call)) == [], f"{program} {' '.join(call)}"


def test_a_command_that_does_not_exist_would_be_found() -> None:
    text = """
`recwatch chekc`, and

```sh
A=b recwatch check --dry-rum --json && dbt biuld; dbt source freshness --selekt x   # recwatch x
```
"""
    found = [list(mistakes(cli, call)) for call in calls("recwatch", text)]
    assert sorted(found) == [["--dry-rum"], ["chekc"], ["x"]]
    found = [list(mistakes(dbt_cli(), call)) for call in calls("dbt", text)]
    assert sorted(found) == [["--selekt"], ["biuld"]]


def test_the_pages_show_every_command_of_a_user() -> None:
    shown = {call[0] for page in PAGES for call in calls("recwatch", page.read_text())}
    assert shown >= {"load", "check", "demo"}


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][\w-]*)\s*:(?!=)", makefile, re.MULTILINE))
    named = {call[0] for page in PAGES for call in calls("make", page.read_text())}
    assert named >= {"demo", "test", "lint", "bench", "clean"}
    assert named <= targets


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {"": project["dependencies"], **project["optional-dependencies"]}
    section = README.read_text().split("## What each dependency is for")[1].split("\n## ")[0]
    given: dict[str, list[str]] = {"": []}
    extra = ""
    for name, reason in re.findall(r"^\| (\S+) \|(.*)\|$", section, re.MULTILINE):
        if found := re.fullmatch(r"\*\*`\[(\w+)\]`\*\*", name):
            extra = found[1]
            given[extra] = []
        elif name.startswith("`"):
            assert len(reason.split()) > 1, f"no reason for {name}"
            given[extra].append(name.strip("`"))
    assert {extra: sorted(names) for extra, names in given.items()} == {
        extra: sorted(re.split(r"[^\w-]", each)[0] for each in each_extra)
        for extra, each_extra in wanted.items()
    }


def tree() -> set[str]:
    """The paths that the README's tree names."""
    section = README.read_text().split("## The house")[1]
    parents: list[tuple[int, str]] = []
    paths = set()
    for line in blocks(section)[0].splitlines():
        depth = len(line) - len(line.lstrip())
        parents = list(takewhile(lambda parent: parent[0] < depth, parents))  # noqa: B023
        name = line.split()[0]
        path = "".join(parent for _, parent in parents) + name
        parents.append((depth, name))
        paths.add(path)
    return paths


def test_the_tree_is_the_house() -> None:
    missing = [path for path in sorted(tree()) if not (ROOT / path).exists()]
    assert missing == []
    packages = {f"alerts/{path.parent.name}/" for path in (ROOT / "alerts").glob("*/__init__.py")}
    assert packages <= tree()
    layers = {f"models/{path.name}/" for path in (ROOT / "models").iterdir() if path.is_dir()}
    marts = {f"models/marts/{path.parent.name}/" for path in MARTS}
    assert (layers - {"models/marts/"}) | marts <= tree()


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


@PAGE
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@PAGE
def test_files_named_in_code_exist(page: Path) -> None:
    new = {"models/marts/engagement/device_daily.sql", "models/marts/engagement/device_daily.yml"}
    for word in {word for line in code(page.read_text()) for word in line.split()}:
        if re.fullmatch(r"(models|macros|seeds|analyses|alerts|docs|tests)/[\w./-]*", word):
            assert (ROOT / word).exists() or word in new, word


def test_variables_named_are_read_somewhere() -> None:
    sources = [ROOT / "profiles.yml.example", *(ROOT / "alerts").rglob("*.py")]
    sources += [*(ROOT / "macros").rglob("*.sql"), ROOT / "tests" / "spark.py"]
    read = "".join(source.read_text() for source in sources)
    for page in PAGES:
        for name in set(re.findall(r"\b(?:RECWATCH|SLACK|DBT)_\w+", page.read_text())):
            assert re.search(rf"\b{name}\b", read), f"{page.name}: {name}"


def test_exit_codes_are_all_there() -> None:
    section = README.read_text().split("| exit code |")[1].split("\n\n")[0]
    given = {int(number) for number in re.findall(r"^\| (\d) \|", section, re.MULTILINE)}

    def codes(kind: type[RecwatchError]) -> set[int]:
        return {kind.exit_code}.union(*(codes(one) for one in kind.__subclasses__()))

    assert given == codes(RecwatchError) | {0, 1}


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.stem)
def test_every_mart_is_described_with_its_columns(mart: Path) -> None:
    [model] = yaml.safe_load(mart.with_suffix(".yml").read_text())["models"]
    sections = re.split(r"^## ", (ROOT / "docs" / "marts.md").read_text(), flags=re.MULTILINE)
    [section] = [one for one in sections if one.startswith(f"{mart.stem}\n")]
    table = [line for line in section.splitlines() if line.startswith("| `")]
    named = [name for line in table for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    if mart.stem == "data_quality_daily":  # its second table lists reasons
        named = named[: len(model["columns"])]
    assert sorted(named) == sorted(column["name"] for column in model["columns"])


def test_no_section_describes_a_mart_that_is_gone() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "marts.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(mart.stem for mart in MARTS)


def test_every_reason_of_refusal_is_explained() -> None:
    staging = "".join(path.read_text() for path in (ROOT / "models" / "staging").glob("*.sql"))
    reasons = set(re.findall(r"then '(\w+)'", staging)) | {"duplicate"}
    page = (ROOT / "docs" / "marts.md").read_text()
    table = page.split("| reason | the row |")[1].split("\n\n")[0]
    assert reasons == {name for name in re.findall(r"`(\w+)`", table) if name in reasons}


# The examples, as they stand on the page.


def test_the_rule_of_the_readme_is_a_rule(tmp_path: Path) -> None:
    [rule] = [block for block in blocks(README.read_text(), "yaml") if "rules:" in block]
    file = tmp_path / "my-rules.yml"
    file.write_text(rule)
    assert (
        len(load_rules([DEFAULT_RULES, file]).rules) == len(load_rules([DEFAULT_RULES]).rules) + 1
    )


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_the_mart_of_the_readme_can_be_added(
    engine: str,
    new_project: Callable[..., Project],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = tmp_path / "copy"
    for name in ("macros", "models", "seeds", "analyses", "tests/dbt"):
        shutil.copytree(ROOT / name, copy / name)
    shutil.copy(ROOT / "dbt_project.yml", copy)
    text = README.read_text()
    [sql] = [block for block in blocks(text, "sql") if "days_to_recompute" in block]
    [properties] = [block for block in blocks(text, "yaml") if "device_daily" in block]
    (copy / "models/marts/engagement/device_daily.sql").write_text(sql)
    (copy / "models/marts/engagement/device_daily.yml").write_text(properties)
    monkeypatch.setattr(harness, "ROOT", copy)

    project = new_project(engine)
    columns = ("id", "user_id", "surface", "click_through", "metadata", "created_at", "loaded_at")
    day = "2025-03-10 12:00:00+00"
    project.insert(
        "personalization_metrics",
        columns,
        [
            ("a", "u", "home", True, '{"device": "ios"}', day, day),
            ("b", "u", "home", False, "{}", day, day),
        ],
    )
    build = ("build", "--select", "+device_daily", "--indirect-selection", "cautious")
    result = project.dbt(*build)
    tested = {node.node.name for node in result.result if node.node.resource_type == "unit_test"}
    assert "device_daily_names_the_unknown" in tested
    rows = "select device, impressions, clicks from analytics.device_daily order by device"
    assert project.rows(rows) == [("(unknown)", 1, 0), ("ios", 1, 1)]
    later = "2025-03-12 12:00:00+00"
    project.insert(
        "personalization_metrics",
        columns,
        [("b", "u", "home", True, '{"device": "web"}', day, later)],
    )
    project.dbt(*build, "--exclude-resource-type", "unit_test")  # they know of no later row
    assert project.rows(rows) == [("ios", 1, 1), ("web", 1, 1)]


# The saved queries.


def impressions(day: str, surface: str, count: int, clicks: int, **more: Any) -> list[tuple]:
    """Rows of one day and surface, the first of them clicked."""
    return [
        (
            f"{day}-{surface}-{number}",
            "u1",
            surface,
            more.get("experiment"),
            more.get("variation"),
            number < clicks,
            1000,
            f"{surface}-{number}",
            '{"session_id": "s1"}' if more.get("session") else "{}",
            f"{day} 08:00:00+00",
            "2025-04-02 00:00:00+00",
        )
        for number in range(count)
    ]


@pytest.fixture(params=["duckdb", "postgres"])
def answered(
    request: pytest.FixtureRequest, new_project: Callable[..., Project]
) -> dict[str, list[dict[str, Any]]]:
    """The rows of each saved query over a few weeks; Monday 31 March is the newest day."""
    project = new_project(request.param)
    project.insert(
        "personalization_metrics",
        (
            *("id", "user_id", "surface", "experiment_key", "variation", "click_through"),
            *("dwell_time_ms", "recommendation_id", "metadata", "created_at", "loaded_at"),
        ),
        [
            # A loss, but in the fifth week from the newest complete one.
            *impressions("2025-02-17", "home", 10, 9),
            *impressions("2025-02-24", "home", 10, 1),
            *impressions("2025-03-01", "home", 10, 1),
            *impressions("2025-03-02", "home", 4, 1, experiment="e", variation="a"),
            *impressions("2025-03-02", "pdp", 2, 1, experiment="e", variation="a"),
            *impressions("2025-03-17", "home", 10, 5),
            *impressions("2025-03-17", "pdp", 10, 5),
            *impressions("2025-03-17", "cart", 10, 1),
            *impressions("2025-03-24", "home", 10, 2, session=True),
            *impressions("2025-03-24", "pdp", 10, 4),
            *impressions("2025-03-30", "cart", 10, 5),
            *impressions("2025-03-31", "cart", 10, 0),
        ],
    )
    project.insert(
        "sessions",
        ("session_id", "user_id", "started_at", "loaded_at"),
        [
            (f"s{number}", "u1", f"2025-03-{day} 07:00:00+00", "2025-04-02 00:00:00+00")
            for number, day in ((1, 24), (2, 25), (3, 26), (4, 30), (5, 23), (6, 31))
        ],
    )
    project.insert(
        "user_interactions",
        ("id", "user_id", "interaction_type", "recommendation_id", "created_at", "loaded_at"),
        [("x", "u1", "save", "home-0", "2025-03-25 08:00:00+00", "2025-04-02 00:00:00+00")],
    )
    tests = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    project.dbt("build", "--select", "+resource_type:analysis", *tests)
    project.dbt("compile", "--select", "resource_type:analysis")
    answers = {}
    for query in ANALYSES:
        compiled = project.directory / "target/compiled/recwatch/analyses" / query.name
        with project.cursor() as cursor:
            cursor.execute(compiled.read_text())
            names = [column[0] for column in cursor.description]
            answers[query.stem] = [
                dict(zip(names, map(harness.plain, row), strict=True)) for row in cursor.fetchall()
            ]
    return answers


def test_saved_queries_answer(answered: dict[str, list[dict[str, Any]]]) -> None:
    for query in ANALYSES:
        [described] = yaml.safe_load(query.with_suffix(".yml").read_text())["analyses"]
        assert described["name"] == query.stem
        assert [column["name"] for column in described["columns"]] == list(answered[query.stem][0])

    daily = answered["daily_ctr_and_dwell_by_variation"]
    days = [str(row["day"]) for row in daily]
    assert days == sorted(days, reverse=True)
    assert (days[0], days[-1]) == ("2025-03-31", "2025-03-02")  # 30 days
    oldest = {key: value for key, value in daily[-1].items() if key != "day"}
    assert oldest == {
        "experiment_key": "e",
        "variation": "a",
        "clicks": 2,
        "impressions": 6,
        "ctr": pytest.approx(1 / 3),
        "avg_dwell_ms": 1000,
    }

    losses = answered["surfaces_regressing_week_over_week"]
    assert [(row["surface"], str(row["week"])) for row in losses] == [
        ("home", "2025-03-24"),
        ("pdp", "2025-03-24"),
    ]
    assert [row["wow_change"] for row in losses] == pytest.approx([-0.3, -0.1])

    week = {row["surface"]: row for row in answered["last_full_week_by_surface"]}
    assert len(week) == len((ROOT / "seeds/surfaces.csv").read_text().splitlines()) - 1
    assert {str(row["week"]) for row in week.values()} == {"2025-03-24"}
    home = {key: value for key, value in week["home"].items() if key not in {"week", "surface"}}
    assert home == {
        "sessions_total": 4,
        "sessions_with_impression": 1,
        "session_coverage": 0.25,
        "impressions": 10,
        "clicks": 2,
        "saves": 1,
        "click_rate": 0.2,
        "save_rate": 0.5,
    }
    assert week["for_you"]["impressions"] == 0
    assert week["for_you"]["session_coverage"] == 0
    assert week["for_you"]["click_rate"] is None


def test_saved_queries_are_in_the_list() -> None:
    page = (ROOT / "docs" / "marts.md").read_text().split("## Saved queries")[1]
    listed = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(listed) == [query.stem for query in ANALYSES]


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_what_a_run_does_not_notice(engine: str, new_project: Callable[..., Project]) -> None:
    """The table in docs/incremental.md: were a line no longer true, it should go."""
    project = new_project(engine)

    def impression(name: str, loaded: str) -> str:
        return (
            "insert into raw.personalization_metrics"
            " (id, user_id, surface, click_through, created_at, loaded_at)"
            f" values ('{name}', 'u', 'home', false, timestamptz '2025-03-05 10:00:00+00',"
            f" timestamptz '{loaded} 00:00:00+00')"
        )

    def after(*statements: str) -> tuple[Any, ...]:
        project.execute(*statements)
        project.dbt("run", *models)
        [row] = project.rows("select impressions, clicks from analytics.engagement_daily")
        return row

    models = ("--select", "+engagement_daily")
    project.dbt("seed")
    old = [impression(name, "2025-04-01") for name in ("a", "b", "c")]
    assert after(*old, impression("d", "2025-04-05")) == (4, 0)
    table = "raw.personalization_metrics"
    assert after(f"delete from {table} where id = 'a'") == (4, 0)
    assert after(f"update {table} set id = 'b2' where id = 'b'") == (4, 0)
    renewed = "loaded_at = timestamptz '2025-04-06 00:00:00+00'"
    assert after(f"update {table} set id = 'b3', {renewed} where id = 'b2'") == (5, 0)
    assert after(f"update {table} set click_through = true where id = 'c'") == (5, 0)
    assert after(impression("late", "2025-04-04")) == (5, 0)
    # A later update that renews `loaded_at` brings the earlier one with it.
    assert after(f"update {table} set dwell_time_ms = 1, {renewed} where id = 'c'") == (5, 1)
    project.dbt("run", *models, "--full-refresh")
    assert after() == (4, 1)
