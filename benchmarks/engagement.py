"""`make bench`: what the engagement marts cost, against plain SQL and against history.

Every figure is a ratio between two things measured in the same run on the same machine.
"""

from __future__ import annotations

import argparse
import shutil
import statistics

from benchmarks import shop
from benchmarks.measure import WORK, by_hand, connect, dbt, differences, prepare


def full_build(days: int) -> None:
    """A full build of the marts against the same results by plain SQL."""
    path = WORK / "full.duckdb"
    with connect(path) as connection:
        shop.create_tables(connection)
        for first in range(0, days, 10):
            shop.add_days(connection, first, min(10, days - first))
        rows = connection.execute("select count(*) from raw.personalization_metrics").fetchall()
    dbt(path, "seed")
    ours = dbt(path, "run", "--full-refresh").seconds
    plain = by_hand(path, "engagement")
    wrong = {mart: count for mart, count in differences(path).items() if count}
    print(f"full build, {rows[0][0]:,} impressions over {days} days")
    print(f"  dbt run {ours:.1f} s, plain SQL {plain:.1f} s, ratio {ours / plain:.2f} (at most 2)")
    print(f"  rows that differ: {wrong or 'none'}")
    path.unlink()


def nightly(histories: tuple[int, int], nights: int) -> None:
    """One new day after a short and after a long history, night by night in turn."""
    paths = {}
    for days in histories:
        paths[days] = WORK / f"history-{days}.duckdb"
        with connect(paths[days]) as connection:
            shop.create_tables(connection)
            for first in range(0, days, 20):
                shop.add_days(connection, first, min(20, days - first))
        dbt(paths[days], "build", "--full-refresh")
    seconds: dict[int, list[float]] = {days: [] for days in histories}
    for night in range(nights):
        for days, path in paths.items():
            with connect(path) as connection:
                shop.add_days(connection, days + night, 1)
            seconds[days].append(dbt(path, "build").seconds)
    short, long = (statistics.median(seconds[days]) for days in histories)
    rows = f"{shop.IMPRESSIONS_A_DAY:,}"
    print(f"nightly dbt build, one new day of {rows} impressions, median of {nights}")
    print(
        f"  after {histories[0]} days {short:.2f} s, after {histories[1]} days {long:.2f} s,"
        f" ratio {long / short:.3f} (at most 1.15)"
    )
    print(f"  all nights: {seconds}")


def main() -> None:
    """Measure and print; `--small` for a look that takes a minute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the rows")
    parser.add_argument("--only", choices=["full", "nightly"])
    arguments = parser.parse_args()
    prepare()
    if arguments.only != "nightly":
        full_build(9 if arguments.small else 90)
    if arguments.only != "full":
        nightly((4, 40) if arguments.small else (40, 400), 5)
    shutil.rmtree(WORK)


if __name__ == "__main__":
    main()
