"""dbt in a process of its own that says at its end how much memory it has held at most, in kB."""

import sys
from pathlib import Path

from dbt.cli.main import dbtRunner

if __name__ == "__main__":
    result = dbtRunner().invoke(sys.argv[1:])
    if not result.success:
        sys.exit(1)
    # Not `ru_maxrss`: a child inherits that of the process which has started it.
    status = Path("/proc/self/status").read_text()
    print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
