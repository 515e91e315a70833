"""The hand-written network `tiny`, and networks that are `tiny` with another `tiny.c`."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.build.network import Network, TensorInfo
from mcucc.targets.board import Board, load_board

TINY = Path(__file__).parent / "data" / "tiny"

Variant = Callable[[str], Path]


@pytest.fixture(scope="session")
def tiny_dir() -> Path:
    return TINY


@pytest.fixture(scope="session")
def tiny() -> Network:
    return Network(
        name="tiny",
        inputs=(8,),
        outputs=(8,),
        arena_bytes=28,
        arena_align=8,
        tensors=(TensorInfo(1, "hidden", 2, 2, 2), TensorInfo(2, "sum", 2, 2, 2)),
        dead_ranges=(((8, 20),), ((8, 20),)),
    )


@pytest.fixture(scope="session")
def samples() -> NDArray[np.int8]:
    edges = [-128, -65, -64, -1, 0, 62, 63, 127]
    random = np.random.default_rng(7).integers(-128, 128, (4, 8))
    return np.array([edges, *random], np.int8)


@pytest.fixture(scope="session")
def hidden(samples: NDArray[np.int8]) -> NDArray[np.int8]:
    return np.minimum(samples.astype(np.int32) + 1, 127).astype(np.int8)


@pytest.fixture(scope="session")
def expected(hidden: NDArray[np.int8]) -> NDArray[np.int8]:
    return np.clip(hidden.astype(np.int32) * 2, -128, 127).astype(np.int8)


@pytest.fixture(scope="session")
def m4() -> Board:
    return load_board("mps2-an386")


@pytest.fixture
def variant(tmp_path: Path) -> Variant:
    """Returns a function that writes a network whose `tiny.c` is the given text."""

    def write(source: str) -> Path:
        directory = tmp_path / "network"
        shutil.copytree(TINY, directory)
        (directory / "tiny.c").write_text('#include "tiny.h"\n' + source)
        return directory

    return write
