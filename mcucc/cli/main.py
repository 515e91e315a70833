"""The command line: argv to calls. All results are printed through mcucc/cli/printing.py.

With `--json` exactly one JSON document goes to stdout; an error is then a document
`{"error": {"type", "message", "exit_code"}}`. Everything else for people goes to stdout as rich
text, progress and errors to stderr.
"""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

import click

import mcucc
from mcucc.cli import (
    bench,
    boards,
    build,
    compare,
    diff,
    evaluate,
    explain,
    fit,
    inspect,
    ops,
    plan,
    report,
    run,
    verify,
)
from mcucc.cli import compile as compile_
from mcucc.cli.printing import error_document, print_json
from mcucc.cli.usage import explain as explain_usage
from mcucc.cli.usage import show_usage_error
from mcucc.errors import McuccError

_INTERNAL_ERROR = 70


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(mcucc.__version__, prog_name="mcucc")
@click.option("--debug", is_flag=True, help="Show a traceback on errors.")
def cli(*, debug: bool) -> None:
    """Compile trained neural networks into plain C for microcontrollers."""


# In the order in which people need them: advice names the first that fits.
for command in (
    boards.boards,
    ops.ops,
    inspect.inspect,
    compile_.compile_command,
    plan.plan,
    fit.fit,
    compare.compare,
    verify.verify,
    evaluate.evaluate,
    report.report,
    explain.explain,
    diff.diff,
    run.run,
    bench.bench,
    build.build,
):
    cli.add_command(command)


def main() -> NoReturn:
    """Run the command line and exit.

    0 ok, 1 verification failed, 2 usage, 3 unsupported or unreadable model, 4 does not fit,
    5 toolchain or simulator, 70 internal.
    """
    debug = "--debug" in sys.argv
    # A child process has a group of its own; it is killed as this one leaves by an exception.
    signal.signal(signal.SIGTERM, _stop)
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as finish:
        sys.exit(finish.exit_code)
    except click.ClickException as error:
        message = explain_usage(error, sys.argv[1:])
        if "--json" in sys.argv:
            print_json(error_document(error, message, error.exit_code))
        show_usage_error(error, message)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has left; Python must not complain when it flushes the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # the last line of defence: whatever is no McuccError exits with 70
        if debug:
            raise
        _fail(error)
    sys.exit(0)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _fail(error: Exception) -> NoReturn:
    internal = not isinstance(error, McuccError) or error.exit_code == _INTERNAL_ERROR
    code = error.exit_code if isinstance(error, McuccError) else _INTERNAL_ERROR
    message = str(error)
    if internal:
        message = (
            f"this is a bug in mcucc, please report it with the model "
            f"(mcucc --debug shows more): {type(error).__name__}: {message}"
        )
    if "--json" in sys.argv:
        print_json(error_document(error, message, code))
    click.echo(f"mcucc: {message}", err=True)
    sys.exit(code)
