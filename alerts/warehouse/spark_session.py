"""The Spark session of this process: started or joined as dbt-spark does it, but without a word.

dbt and the program share one session per process, so both must build it from the same parameters.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import IO, TYPE_CHECKING

from alerts.errors import ConfigurationError, WarehouseError

try:
    from py4j.protocol import Py4JError, Py4JJavaError  # type: ignore[import-untyped]
    from pyspark import SparkContext
    from pyspark.errors import PySparkException
    from pyspark.logger import PySparkLogger
    from pyspark.sql import SparkSession
except ModuleNotFoundError:
    raise ConfigurationError(
        "a Spark target needs PySpark: run `pip install 'recwatch[spark]'`"
    ) from None

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from alerts.warehouse.profile import Target

SPARK_ERRORS = (PySparkException, Py4JError, ConnectionError)
JAVA_NEEDED = 17
# They write every error to stderr as a line of JSON, before it can be caught.
_LOGGERS = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
_LOGGED = re.compile(r"^[\d/]+ [\d:]+ ERROR \w+: (?!Error initializing)(.+)$", re.MULTILINE)
_UNCAUGHT = re.compile(r'^Exception in thread "\w+" (.+)$', re.MULTILINE)
_REFUSED = re.compile(r"^((?:Invalid|Unrecognized|Error: ).+)$", re.MULTILINE)
_CLASS = re.compile(r"^(?:[a-z]\w*\.)+[A-Z]\w*: ")
_SECRET = re.compile("password|secret|token|key", re.IGNORECASE)
_HELD = re.compile(r"Another instance of Derby may have already booted the database (\S+)")


def session_of(target: Target) -> tuple[SparkSession, bool]:
    """The session, and whether this call has started it."""
    method = target.settings.get("method")
    if method != "session":
        raise ConfigurationError(
            f"target {target.name!r} has `method: {method}`: recwatch reads Spark by"
            " `method: session` only"
        )
    for logger in _LOGGERS:
        PySparkLogger.getLogger(logger).disabled = True
    started = SparkContext._active_spark_context is None  # whichever thread started it
    with tempfile.TemporaryFile() as said:
        try:
            with _without_a_word(said):
                session = _build(parameters(target.settings))
        except SPARK_ERRORS as error:
            raise _why_not(target, error, said) from None
    try:
        # Nothing has asked the metastore yet: what is wrong with it shows here.
        session.catalog.databaseExists("default")
    except SPARK_ERRORS as error:
        if started:
            session.stop()
        raise _why_no_metastore(target, error) from None
    return session, started


def parameters(settings: Mapping[str, Any]) -> dict[str, str]:
    """What dbt-spark makes of `server_side_parameters`."""
    given = settings.get("server_side_parameters") or {}
    return {**{str(key): str(value) for key, value in given.items()}, **_OF_DBT}


def reason(error: Exception) -> str:
    """What Spark says, in one line."""
    known = condition(error)
    if known is None or known.startswith("_LEGACY"):
        # Spark has no name for it: then the innermost exception says what is wrong, the outer
        # ones only what was being done.
        java = error.java_exception if isinstance(error, Py4JJavaError) else None
        java = java or getattr(error, "_origin", None)
        while java is not None and java.getCause() is not None:
            java = java.getCause()
        return _line(str(error) if java is None else java.toString())
    return _line(str(error))


def condition(error: Exception) -> str | None:
    """Spark's name for what is wrong, such as TABLE_OR_VIEW_NOT_FOUND."""
    return error.getCondition() if isinstance(error, PySparkException) else None


def java_version() -> int | None:
    """The version of the Java that Spark would start; None where there is none."""
    home = os.environ.get("JAVA_HOME")
    program = os.path.join(home, "bin", "java") if home else shutil.which("java")  # noqa: PTH118
    if not program:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - the user's own Java
            [program, "-version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr)
    return int(found[1]) if found else None


def _build(options: Mapping[str, str]) -> SparkSession:
    builder = SparkSession.builder.enableHiveSupport()
    for name, value in options.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


@contextlib.contextmanager
def _without_a_word(said: IO[bytes]) -> Iterator[None]:
    """What a process that starts now writes goes to the file, for as long as it lives.

    The JVM and the shell scripts before it inherit the descriptors; settings of its logging
    would come after its first warnings.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    kept = [os.dup(number) for number in (1, 2)]
    try:
        for number in (1, 2):
            os.dup2(said.fileno(), number)
        yield
    finally:
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)


def _why_not(target: Target, error: Exception, said: IO[bytes]) -> Exception:
    version = java_version()
    if version is None or version < JAVA_NEEDED:
        found = "none was found" if version is None else f"this is Java {version}"
        return ConfigurationError(
            f"a Spark target needs Java {JAVA_NEEDED} or newer, and {found}: install it, and let"
            " JAVA_HOME name its directory"
        )
    said.seek(0)
    text = _complaint(said.read().decode(errors="replace")) or reason(error)
    return _does_not_start(target, text)


def _why_no_metastore(target: Target, error: Exception) -> WarehouseError:
    cause = reason(error)
    held = _HELD.search(cause)
    if held:
        return WarehouseError(
            f"the metastore {held[1].rstrip('.')} is in use by another process: wait until it"
            " ends, or give the profile a metastore service"
        )
    return _does_not_start(target, cause)


def _does_not_start(target: Target, text: str) -> WarehouseError:
    for name, value in parameters(target.settings).items():
        if value and _SECRET.search(name):
            text = text.replace(value, "***")
    return WarehouseError(f"target {target.name!r}: Spark does not start: {text}")


def _complaint(written: str) -> str | None:
    """What Java wrote before it gave up: PySpark may know no more than that it did."""
    found = _LOGGED.search(written) or _UNCAUGHT.search(written) or _REFUSED.search(written)
    return _line(found[1]) if found else None


def _line(text: str) -> str:
    """The first line, without the name of an exception's class before it."""
    line = next((line for line in text.splitlines() if line.strip()), "no reason given")
    return _CLASS.sub("", line).strip()


# Without it dbt-spark's SQL would fail where other engines return null.
_OF_DBT = {"spark.sql.ansi.enabled": "false"}
