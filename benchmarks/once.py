"""One collect and evaluate in a process of its own: `python -m benchmarks.once URL`.

Prints its peak memory and that of the imports alone, in MiB.
"""

import resource
import sys

from scanner import Engine, collect, evaluate


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    imports = peak()
    with Engine(sys.argv[1]) as engine:
        results = evaluate(collect(engine))
    print(f"{imports:.1f} {peak():.1f} {len(results)}")
