"""Where the fastest kernels need more flash than there is, smaller ones are taken."""

import dataclasses

import pytest

from mcucc.api.made import Made, make
from mcucc.api.options import CompileOptions
from mcucc.codegen import lower
from mcucc.kernels.families.depthwise import NARROW, ROWS
from mcucc.kernels.kernel import Variant
from mcucc.ops import Int8Graph
from mcucc.report.make import Budget
from mcucc.targets.board import Region, load_board
from tests.graphs import GraphBuilder
from tests.kernels.compiled import PROVENANCE

BOARD = load_board("nucleo-f446re")


def network(*, depthwise: bool = True) -> Int8Graph:
    b = GraphBuilder("net", seed=3)
    x = b.input((1, 5, 5, 99))
    return b.build(b.depthwise(x, (3, 3)) if depthwise else b.conv(x, 5, (1, 1)))


def made(graph: Int8Graph, flash: int) -> Made:
    """With so many bytes of flash."""
    was = BOARD.flash
    region = Region(was.name, was.kind, was.origin, flash)
    others = tuple(each for each in BOARD.regions if each != was)
    board = dataclasses.replace(BOARD, regions=(region, *others))
    options = CompileOptions(board.id)
    return make(
        graph,
        options,
        Budget.of(board, None),
        lambda plan: lower(plan, PROVENANCE, "int8", board.core),
    )


def variants(found: Made) -> set[Variant | None]:
    return {kernel.variant for kernel in found.kernels.values() if kernel}


@pytest.mark.cc
def test_smaller_kernels_are_taken_only_where_the_fastest_do_not_fit() -> None:
    graph = network()
    enough = made(graph, BOARD.flash.size)
    assert (variants(enough), enough.fits, enough.notes) == ({ROWS}, True, ())
    short = made(graph, enough.flash_bytes - 1)
    assert (variants(short), short.fits) == ({NARROW}, True)
    saved = enough.flash_bytes - short.flash_bytes
    assert 99 * 8 - 100 <= saved <= 99 * 8  # but for the code that widens
    (note,) = short.notes
    assert f"code and weights need {enough.flash_bytes:,} B" in note
    too_short = made(graph, 1000)
    assert (variants(too_short), too_short.fits) == ({NARROW}, False)


@pytest.mark.cc
def test_there_may_be_none() -> None:
    found = made(network(depthwise=False), 100)
    assert (found.fits, found.notes) == (False, ())
