"""A network may have any name that is free, those of the harness's own files and folders too."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.build.network import Network
from mcucc.build.project import (
    PLATFORM,
    build_cortex_m,
    build_host_executable,
    build_host_library,
)
from mcucc.sim.host import HostLibrary, run_executable
from mcucc.targets.board import Board

Samples = NDArray[np.int8]

NAMES = sorted({path.stem for path in PLATFORM.rglob("*.[ch]")} | {"network", "objects", "board"})


def named(tiny_dir: Path, name: str, folder: Path) -> Path:
    """The network `tiny` under another name."""
    folder.mkdir()
    for path in tiny_dir.glob("*.[ch]"):
        text = path.read_text().replace("tiny", name).replace("TINY", name.upper())
        (folder / path.name.replace("tiny", name)).write_text(text)
    return folder


@pytest.mark.cc
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("mcucc_")])
def test_names_of_the_harness_are_free(
    name: str,
    tiny_dir: Path,
    tiny: Network,
    samples: Samples,
    expected: Samples,
    m4: Board,
    tmp_path: Path,
) -> None:
    directory, network = named(tiny_dir, name, tmp_path / "c"), replace(tiny, name=name)
    result = run_executable(build_host_executable(directory, network, tmp_path), network, samples)
    np.testing.assert_array_equal(result.outputs[0], expected)
    library = HostLibrary(build_host_library(directory, network, tmp_path), network)
    np.testing.assert_array_equal(library.run(samples)[0], expected)
    assert build_cortex_m(directory, network, m4, tmp_path).path.is_file()
