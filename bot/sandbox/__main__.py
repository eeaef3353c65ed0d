"""`python -m bot.sandbox`: the same as `shipmate sandbox`."""

import sys

from bot.sandbox.cli import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], prog="python -m bot.sandbox"))
