import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from alerts.errors import ConfigurationError
from alerts.warehouse import Target, open_warehouse, read_project, resolve_target
from alerts.warehouse.rendering import render

ROOT = Path(__file__).parents[3]
PROFILES = """
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: dev.duckdb, threads: 2}
    prod:
      type: postgres
      host: "{{ env_var('PG_HOST', 'localhost') }}"
      port: "{{ env_var('PG_PORT', '5432') | as_number }}"
      password: "{{ env_var('PG_PASSWORD') }}"
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project as the current directory, a home of its own, none of the user's variables."""
    for name in list(os.environ):
        if name.startswith(("DBT_", "PG_", "RECWATCH_")):
            monkeypatch.delenv(name)
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "dbt_project.yml").write_text("name: recwatch\nprofile: shop\n")
    (directory / "profiles.yml").write_text(PROFILES)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(directory)
    return directory


def resolve(target: str | None = None, profiles_dir: Path | None = None) -> Target:
    return resolve_target(read_project(), target, profiles_dir)


def refusal(target: str | None = None, profiles_dir: Path | None = None) -> str:
    """The message of the refusal, which is short and shows no secret."""
    with pytest.raises(ConfigurationError) as caught:
        resolve(target, profiles_dir)
    message = str(caught.value)
    assert message.count("\n") <= 1
    assert "s3cret" not in message
    return message


def test_the_profiles_own_target() -> None:
    target = resolve()
    assert (target.name, target.type) == ("dev", "duckdb")
    assert target.settings["path"] == "dev.duckdb"


def test_flag_before_environment_before_profile(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    monkeypatch.setenv("PG_PASSWORD", "s3cret")
    monkeypatch.setenv("DBT_TARGET", "prod")
    assert resolve().name == "prod"
    assert resolve("dev").name == "dev"
    (project / "profiles.yml").write_text("shop: {outputs: {default: {type: duckdb}}}")
    monkeypatch.delenv("DBT_TARGET")
    assert resolve().name == "default"


def test_rendered_settings_and_no_secret_in_the_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_PASSWORD", "s3cret")
    target = resolve("prod")
    assert target.settings["port"] == 5432
    assert target.settings["password"] == "s3cret"
    assert "s3cret" not in repr(target)


def test_where_profiles_are_looked_for(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def profiles(directory: Path, path: str) -> Path:
        directory.mkdir(parents=True, exist_ok=True)
        text = f"shop: {{target: t, outputs: {{t: {{type: duckdb, path: {path}}}}}}}"
        (directory / "profiles.yml").write_text(text)
        return directory

    (project / "profiles.yml").unlink()
    assert "run `cp profiles.yml.example profiles.yml`" in refusal()
    profiles(tmp_path / "home" / ".dbt", "home")
    assert resolve().settings["path"] == "home"
    profiles(project, "project")
    below = project / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert resolve().settings["path"] == "project"
    profiles(below, "current")
    assert resolve().settings["path"] == "current"
    monkeypatch.setenv("DBT_PROFILES_DIR", str(profiles(tmp_path / "env", "env")))
    assert resolve().settings["path"] == "env"
    assert resolve(None, profiles(tmp_path / "flag", "flag")).settings["path"] == "flag"
    assert str(tmp_path / "nowhere") in refusal(None, tmp_path / "nowhere")


def test_where_the_project_is_looked_for(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"no dbt_project\.yml in .*--project-dir"):
        read_project()
    assert read_project(project).directory == project
    monkeypatch.setenv("DBT_PROJECT_DIR", str(project))
    assert read_project().directory == project


def test_the_projects_variables(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def raw_schema(variables: str) -> str:
        text = f"name: recwatch\nprofile: shop\nvars: {variables}"
        (project / "dbt_project.yml").write_text(text)
        return read_project().raw_schema

    assert raw_schema("") == "raw"
    assert raw_schema("{raw_schema: public}") == "public"
    assert raw_schema("{raw_schema: public, recwatch: {raw_schema: own}}") == "own"
    rendered = """{raw_schema: "{{ env_var('RECWATCH_RAW', 'fallback') }}"}"""
    assert raw_schema(rendered) == "fallback"
    monkeypatch.setenv("RECWATCH_RAW", "elsewhere")
    assert raw_schema(rendered) == "elsewhere"
    assert read_project().schema_prefix == ""
    monkeypatch.setenv("DBT_SCHEMA_PREFIX", "ann_")
    assert read_project().schema_prefix == "ann_"


def test_what_is_wrong_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "environment variable PG_PASSWORD is not set" in refusal("prod")
    assert "has no target 'nope': it has dev, prod" in refusal("nope")
    for content, message in {
        "other: {}": "no profile 'shop'",
        "shop: {outputs: [1]}": "outputs must be a mapping",
        "shop: {target: t, outputs: {t: {}}}": "target 't' has no `type`",
        "shop: {target: t, outputs: {t: {type: x, y: '{{ nope }}'}}}": "cannot render `y`",
        "shop: {password: s3cret, target: 't": "line 1: not valid YAML",
        "shop:\n  password: s3cret: x": "line 2: not valid YAML",
        "[1]": "the file must be a mapping",
        "": "no profile 'shop'",
    }.items():
        (project / "profiles.yml").write_text(content)
        said = refusal()
        assert message in said
        assert "profiles.yml" in said
    monkeypatch.setenv("PG_PORT", "s3cret")
    monkeypatch.setenv("PG_PASSWORD", "s3cret")
    (project / "profiles.yml").write_text(PROFILES)
    assert "cannot render `port`: not a number" in refusal("prod")


def test_an_engine_nobody_knows() -> None:
    with pytest.raises(ConfigurationError, match="'t' is of type 'oracle': recwatch reads duckdb,"):
        open_warehouse(Target("t", "oracle", {}))


EXPRESSIONS = [
    "plain",
    "5432",
    "{{ env_var('PG_PORT') }}",
    "{{ env_var('PG_PORT') | as_number }}",
    "{{ env_var('PG_PORT') | int }}",
    "{{ env_var('PG_FLOAT') | as_number }}",
    "{{ env_var('PG_FLAG') | as_bool }}",
    "{{ env_var('PG_LIST') | as_native }}",
    "{{ env_var('PG_TEXT') | as_native }}",
    "{{ env_var('PG_PORT') | as_text }}",
    "{{ env_var('PG_NONE', 'default') }}",
    "{{ env_var('PG_NONE', 7) }}",
    "{{ 1 + 2 }}",
    "{{ env_var('PG_PORT') }}{{ env_var('PG_PORT') }}",
    "a {{ env_var('PG_TEXT') }} b",
    " {{ env_var('PG_PORT') }}",
    "{% if env_var('PG_FLAG') == 'True' %}yes{% else %}no{% endif %}",
    "{{ env_var('PG_TEXT') ~ '}}' }}",
    "{{ 'a' if true else 'b' }}",
    "{{ [1, 'x'] }}",
]
AS_DBT = """
import json, sys
from dbt_common.context import set_invocation_context
import os
set_invocation_context(dict(os.environ))
from dbt.config.renderer import ProfileRenderer
renderer = ProfileRenderer({})
print(json.dumps([renderer.render_data({"x": text})["x"] for text in json.load(sys.stdin)]))
"""


def test_texts_are_rendered_as_dbt_renders_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_PORT", "5432")
    monkeypatch.setenv("PG_FLOAT", "1.5")
    monkeypatch.setenv("PG_FLAG", "True")
    monkeypatch.setenv("PG_LIST", "[1, 2]")
    monkeypatch.setenv("PG_TEXT", "some text")
    done = subprocess.run(
        [sys.executable, "-c", AS_DBT],
        input=json.dumps(EXPRESSIONS),
        capture_output=True,
        text=True,
        check=True,
    )
    ours = [render(text, Path("profiles.yml")) for text in EXPRESSIONS]
    assert ours == json.loads(done.stdout)


def test_the_example_resolves(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    example = (ROOT / "profiles.yml.example").read_text()
    (project / "profiles.yml").write_text(example)
    (project / "dbt_project.yml").write_text("name: recwatch\nprofile: recwatch\n")
    assert resolve().settings["path"] == "recwatch.duckdb"
    assert "RECWATCH_PG_PASSWORD is not set" in refusal("postgres")
    monkeypatch.setenv("RECWATCH_PG_PASSWORD", "s3cret")
    assert resolve("postgres").settings["port"] == 5432
    monkeypatch.setenv("RECWATCH_SPARK_WAREHOUSE", "/srv/marts")
    spark = resolve("spark").settings
    assert spark["method"] == "session"
    assert spark["server_side_parameters"]["spark.sql.warehouse.dir"] == "/srv/marts"
    java = spark["server_side_parameters"]["spark.driver.extraJavaOptions"]
    assert java == '"-Dderby.system.home=/srv/marts"'  # quoted, for Spark parts it at spaces
    for output in yaml.safe_load(example)["recwatch"]["outputs"].values():
        assert output["schema"]


def test_neither_dbt_nor_an_engine_is_imported_to_find_the_target() -> None:
    code = (
        "import sys; import alerts.warehouse as w; w.resolve_target(w.read_project());"
        "print([m for m in ('dbt', 'duckdb', 'psycopg2', 'pandas', 'pyarrow', 'jinja2')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
