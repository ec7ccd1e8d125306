"""Errors that a person who uses the system can mend, and how every command reports them."""

import os
import sys
from collections.abc import Callable


class InputError(Exception):
    """Something that was given to a command is wrong.

    The message says what is wrong, where, and the command or change that mends it. Commands print it alone (no
    traceback) and exit with code 2. Programming errors stay ordinary exceptions.
    """


def run_command(main: Callable[[], int | None]) -> None:
    """Runs a command's `main` and ends the process: its return value (None is 0), 2 for InputError, 130 for Ctrl-C."""
    try:
        code = main() or 0
        sys.stdout.flush()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # the reader of our output went away (`… | head`): not an error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:  # a full disk, a folder where a file was meant: nothing that a traceback would explain
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        code = 2
    sys.exit(code)
