"""The text files that a build needs beside the generated network: rendered, never written by hand.

Values are decided here; the templates in `templates/harness` only print them.
"""

import functools

import jinja2

from mcucc.build.network import Network
from mcucc.codegen.preprocessing import PreprocessingCode
from mcucc.codegen.program import unsigned_ports
from mcucc.resources import TEMPLATES
from mcucc.targets.board import Region

CANARY_BYTES = 16
"""Bytes before and after the arena on a target, which nobody may change."""

_STATIC_BYTES = 384  # .data and .bss of the harness; the linker checks the sum
_SIGN_BIT = 0x80  # the difference between int8 values and the same as uint8
_MIN_STACK_BYTES = 1024
_MAX_STACK_BYTES = 16384


def render_harness(network: Network) -> str:
    """Returns the C file that describes `network` to the harness."""
    inputs_unsigned, outputs_unsigned = unsigned_ports(network.io)
    return _render(
        "harness_network.c.j2",
        name=network.name,
        upper=network.macro_prefix,
        input_count=len(network.inputs),
        output_count=len(network.outputs),
        channels=network.channels_by_id(),
        dead=network.dead_ranges or ((),),
        run_float=network.io == "float",
        sample_bytes=network.sample_bytes,
        row_bytes=network.row_bytes or 0,
        pixel_bytes=network.pixel_bytes or 0,
        row_type="uint8_t" if inputs_unsigned else "int8_t",
        preprocessing=network.preprocessing or (PreprocessingCode(),) * len(network.inputs),
        flip_in=_SIGN_BIT if inputs_unsigned else 0,
        flip_out=[
            _SIGN_BIT if outputs_unsigned and place not in network.indices else 0
            for place in range(len(network.outputs))
        ],
        indices=network.indices,
        state_bytes=network.state_bytes,
    )


def render_linker_script(
    board: str, flash: Region, ram: Region, network: Network, *, boot: Region | None = None
) -> str:
    """Returns a linker script for a program that runs `network`.

    Args:
        board: name for the opening comment.
        flash: where code and constants go.
        boot: where the vectors go; None for the start of the flash.
        ram: where stack, variables and the arena go.
        network: says how large the arena is.
    """
    return _render(
        "board.ld.j2",
        board=board,
        name=network.name,
        flash=flash,
        boot=boot,
        ram=ram,
        stack_bytes=stack_bytes(ram, network),
        canary_bytes=CANARY_BYTES,
        arena_bytes=network.arena_bytes,
        arena_align=network.arena_align,
    )


def stack_bytes(ram: Region, network: Network) -> int:
    """Returns the size of the stack: what the arena leaves, between 1 KiB and 16 KiB."""
    around_arena = 2 * CANARY_BYTES + network.arena_align
    room = ram.size - network.arena_bytes - around_arena - _STATIC_BYTES
    return max(_MIN_STACK_BYTES, min(_MAX_STACK_BYTES, room)) // 8 * 8


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(values)


@functools.cache
def _environment() -> jinja2.Environment:
    # The results are C and linker scripts; escaping for HTML would damage them.
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES / "harness"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 -- C is not HTML
    )
