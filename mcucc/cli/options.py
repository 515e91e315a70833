"""Options that several commands share, and checks of arguments that click has no types for."""

import errno
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from mcucc.errors import UsageError
from mcucc.importer import ModelInArray, ModelSource
from mcucc.ir.limits import DEFAULT_LIMIT, Limit


def demand_board(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    """The value of `--board`; where there is none, say where boards are listed.

    Raises:
        click.MissingParameter: the option was not given.
    """
    if value is None:
        where = "`mcucc boards` lists them"
        raise click.MissingParameter(where, ctx=context, param=parameter)
    return value


def negated(context: click.Context, parameter: click.Parameter, value: bool) -> bool:  # noqa: ARG001, FBT001
    """The value of a parameter whose option, `--no-...`, switches it off."""
    return not value


def as_limit(context: click.Context, parameter: click.Parameter, value: int) -> Limit:  # noqa: ARG001
    """The value of `--max-tensor-bytes`, together with that of `--max-operators`."""
    return Limit(value, context.meta.get(_OPERATORS, DEFAULT_LIMIT.operators))


def keep_operators(context: click.Context, parameter: click.Parameter, value: int) -> None:  # noqa: ARG001
    """Hand the value of `--max-operators` on to `as_limit`."""
    context.meta[_OPERATORS] = value


def as_pairs(
    context: click.Context,
    parameter: click.Parameter,
    value: tuple[str, ...],
) -> tuple[tuple[str, str], ...]:
    """The values of `--state IN=OUT` as pairs.

    Raises:
        click.BadParameter: one is none.
    """
    pairs = [text.partition("=") for text in value]
    for source, equals, update in pairs:
        if not (source and equals and update):
            raise click.BadParameter(
                f"'{source}{equals}{update}' is no IN=OUT: name an input, and the output that the "
                "next run finds there",
                ctx=context,
                param=parameter,
            )
    return tuple((source, update) for source, _, update in pairs)


def byte_count(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """A number of bytes, in full or with a suffix: `65536`, `64K`, `64KB`, `64KiB`, `1M`.

    All suffixes are multiples of 1024.

    Raises:
        click.BadParameter: it is none, or 0.
    """
    if value is None:
        return None
    match = _BYTE_COUNT.fullmatch(value.strip())
    count = 0 if match is None else int(match[1]) << _SHIFTS[match[2].lower()]
    if count < 1:
        raise click.BadParameter(
            f"'{value}' is no number of bytes: write a whole number of at least 1, in full or with "
            "K or M (multiples of 1024), such as 65536, 64K, 64KiB or 1M",
            ctx=context,
            param=parameter,
        )
    return count


_BYTE_COUNT = re.compile(
    r"([0-9](?:_?[0-9]){0,17}) ?(?:([KMG]?)(?:i?B)?)", re.IGNORECASE | re.ASCII
)
_SHIFTS = MappingProxyType({"": 0, "k": 10, "m": 20, "g": 30})


def model_in(path: Path, array: str | None) -> ModelSource:
    """Where a model is: a file, or an array of a C source."""
    return path if array is None else ModelInArray(path, array)


def parse_shapes(texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Texts such as `image=1,3,96,96` to shapes by name.

    Raises:
        UsageError: a text has another form, or a size is not positive.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        parts = sizes.split(",")
        if not name or not all(part.strip().isdecimal() and int(part) for part in parts):
            raise UsageError(f"--input-shape '{text}': write NAME=1,3,96,96")
        shapes[name] = tuple(map(int, parts))
    return shapes


class _PossiblePath(click.Path):
    """A path that may be missing, but that the system could have."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 -- as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401
        """The path.

        Raises:
            click.BadParameter: it is longer than paths may be.
        """
        path = super().convert(value, param, ctx)
        try:
            os.lstat(path)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                text = str(value)
                shown = f"'{text[:_SHOWN]}..' of {len(text)} characters"
                self.fail(f"{shown} is longer than a path may be: shorten it", param, ctx)
        return path


_SHOWN = 40
"""Characters of a path that is too long."""
_OPERATORS = "mcucc.operators"

FILE = _PossiblePath(path_type=Path)
DIRECTORY = _PossiblePath(path_type=Path)

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
on_target = click.option(
    "--on",
    "target",
    type=click.Choice(["host", "qemu"]),
    default="host",
    show_default=True,
    help="Run on this computer or on a simulated Cortex-M.",
)
input_file = click.option(
    "--input",
    "input_path",
    type=FILE,
    help="Samples (N, ...) as .npy or .npz, floats or int8; seeded random ones if left out.",
)
tensor_limit = click.option(
    "--max-tensor-bytes",
    "limit",
    type=click.IntRange(min=1),
    default=DEFAULT_LIMIT.tensor_bytes,
    show_default=True,
    callback=as_limit,
    help="Largest tensor as float32; many together, samples too, may be four times that.",
)
operator_limit = click.option(
    "--max-operators",
    type=click.IntRange(min=1),
    default=DEFAULT_LIMIT.operators,
    show_default=True,
    is_eager=True,
    expose_value=False,
    callback=keep_operators,
    help="Most operators of a network; planning takes time with their square.",
)
array = click.option(
    "--array",
    metavar="NAME",
    help="Which array of MODEL, a C source that holds several .tflite models.",
)
cut_at = click.option(
    "--cut-at",
    multiple=True,
    metavar="NAME",
    help="A value of MODEL that becomes an output, in place of its own; may be repeated.",
)
state = click.option(
    "--state",
    "states",
    multiple=True,
    metavar="IN=OUT",
    callback=as_pairs,
    help="An input of MODEL in which a run finds what the run before left in an output; "
    "may be repeated.",
)
split_output = click.option(
    "--split-output",
    is_flag=True,
    help="Give out the parts of outputs that join values, each with its own scale.",
)
input_shape = click.option(
    "--input-shape",
    "input_shapes",
    multiple=True,
    metavar="NAME=1,C,H,W",
    help="Shape of an input that MODEL leaves open; may be repeated.",
)
board = click.option(
    "--board",
    callback=demand_board,
    help="Id of a board (`mcucc boards` lists them) or a board file; required.",
)
sram = click.option(
    "--sram",
    callback=byte_count,
    metavar="BYTES",
    help="Bytes of the board's SRAM that arena and stack may take, such as 65536, 64K or 1M "
    "(K = 1024); default: its largest SRAM region. 2048 or more are kept for the stack.",
)
objective = click.option(
    "--objective",
    type=click.Choice(["auto", "memory", "speed"]),
    default="auto",
    show_default=True,
    help="What to prefer where memory and speed disagree.",
)
input_elsewhere = click.option(
    "--input-elsewhere",
    is_flag=True,
    help="The input lies where any pixels of it can be read: not in the arena, perhaps in strips.",
)
max_recompute = click.option(
    "--max-recompute",
    type=float,
    metavar="PCT",
    help="What strips may compute again, in percent of all MACs; 10 with --input-elsewhere.",
)
stream_input = click.option(
    "--stream-input", is_flag=True, help="The caller hands over the input row by row."
)
no_prune = click.option(
    "--no-prune",
    "prune",
    is_flag=True,
    callback=negated,
    help="Keep channels that do not depend on the input.",
)


_OF_MODEL = (input_shape, cut_at, array, state, split_output, tensor_limit, operator_limit)


def of_model(command: Callable[..., None]) -> Callable[..., None]:
    """The options of commands that compile a MODEL: what is read of it, and how."""
    for option in reversed(_OF_MODEL):
        command = option(command)
    return command


def taken_from_file(options: dict[str, Any]) -> dict[str, Any]:
    """Takes out of a command's options those of `of_model`, as keywords of `Calibration`.

    Raises:
        UsageError: a shape is none.
    """
    shapes = parse_shapes(options.pop("input_shapes"))
    return {"input_shapes": shapes} | {
        name: options.pop(name) for name in ("limit", "cut_at", "states", "split_output")
    }
