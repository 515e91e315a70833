"""Layers at borders that ordinary layers do not reach, for every unit, under sanitizers."""

from pathlib import Path

import pytest

from mcucc.targets.board import Core
from tests.graphs import GraphBuilder
from tests.kernels.borders import one_pixel_wide, saturating_layers, small_sums
from tests.kernels.compiled import KERNEL_CORES, assert_c_agrees, core_name, generate


@pytest.mark.cc
@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_layers_at_borders(tmp_path: Path, core: Core | None) -> None:
    b = GraphBuilder("borders", seed=17)
    graph = b.build(*saturating_layers(b), *one_pixel_wide(b), *small_sums(b))
    assert_c_agrees(generate(graph, tmp_path / "c", planned=False, core=core), tmp_path)
