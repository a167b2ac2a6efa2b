"""``python -m derive`` and the command ``derive``."""

import gc
import os
import sys

if "OPENBLAS_NUM_THREADS" not in os.environ and os.name == "posix":
    import resource

    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        os.environ["OPENBLAS_NUM_THREADS"] = "1"  # it dies of signal 11 where `ulimit -v` leaves its threads no stack
gc.disable()  # what is imported stays: to look for garbage among it takes a tenth of the start
from derive.cli.main import main as run  # noqa: E402 - see above
from derive.cli.watching import watched  # noqa: E402 - see above

gc.enable()


def main() -> int:
    """Run the command line."""
    try:
        with watched():
            return run()
    finally:
        gc.freeze()  # at the end all memory goes: to look for garbage first would take as long as reading did


if __name__ == "__main__":
    sys.exit(main())
