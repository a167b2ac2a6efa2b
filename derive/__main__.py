"""``python -m derive`` and the command ``derive``."""

import gc
import sys

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
