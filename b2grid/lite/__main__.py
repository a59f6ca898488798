"""``python -m b2grid.lite`` and ``b2lite``."""

from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # -m puts the working directory first: a job's files must not stand for modules that b2lite needs
    sys.path.pop(0)


def main() -> int:
    """Run b2lite with the arguments of this process."""
    from b2grid.lite.program import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
