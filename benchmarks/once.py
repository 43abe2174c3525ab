"""One collect and evaluate in a process of its own: `python -m benchmarks.once URL`.

Prints its peak memory and that of the imports alone, in MiB.
"""

import re
import sys
from pathlib import Path

from scanner import Engine, collect, evaluate


def peak() -> float:
    # Not getrusage: its figure begins with that of the process that started this one.
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


if __name__ == "__main__":
    imports = peak()
    with Engine(sys.argv[1]) as engine:
        results = evaluate(collect(engine))
    print(f"{imports:.1f} {peak():.1f} {len(results)}")
