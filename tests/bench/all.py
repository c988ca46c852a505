"""Every measurement -> its table, one after the other: `make bench`."""

import subprocess
import sys
from pathlib import Path

MODULES = ("extraction", "watches", "route")


def main() -> int:
    """Runs the modules named on the command line, else all; gives 1 if one could not measure."""
    failed = False
    for name in sys.argv[1:] or MODULES:
        print(f"== {name}", flush=True)
        # a process each, so that none measures the memory or the caches of another
        failed |= (
            subprocess.run([sys.executable, str(Path(__file__).with_name(f"{name}.py"))], check=False).returncode != 0
        )
        print(flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
