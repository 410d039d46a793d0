"""What goes wrong, as one message and an exit code.

Data go to stdout or files; messages and progress to stderr.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from pkpd.errors import PkpdError

__all__ = ["FAILED", "INTERRUPTED", "SOME_FAILED", "as_messages", "fail", "say"]

FAILED, SOME_FAILED, INTERRUPTED = 1, 3, 130


def say(text: str) -> None:
    """Print a message to stderr."""
    typer.echo(text, err=True)


def fail(text: str) -> NoReturn:
    """Print an error to stderr and end the program."""
    say(f"error: {text}")
    raise SystemExit(FAILED)


@contextmanager
def as_messages() -> Iterator[None]:
    """End the program with one message and an exit code where something inside goes wrong; warnings are a line each."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: say(f"warning: {message}")
            yield
    except PkpdError as error:
        fail(str(error))
    except MemoryError:
        fail("there is not enough memory for this. Ask for less with --times, --outputs, --grid or --sample.")
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        fail(f"{error.filename or 'the output'}: {error.strerror or error}")
    except KeyboardInterrupt:
        _interrupted()
    except SystemExit as ended:  # typer has caught the interrupt and says nothing
        if ended.code == INTERRUPTED:
            _interrupted()
        raise


def _interrupted() -> NoReturn:
    say("interrupted; no partial files were written")
    raise SystemExit(INTERRUPTED) from None
