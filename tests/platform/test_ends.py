"""However a simulated program ends: one clear error, and no process is left behind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.build.network import Network
from mcucc.build.plugin import build_count_plugin, build_profile_plugin
from mcucc.build.project import Artifact, build_cortex_m
from mcucc.build.ranges import CodeMap
from mcucc.errors import SimulationError
from mcucc.sim.profile import profile_qemu
from mcucc.sim.qemu import run_qemu
from mcucc.targets.board import Board
from tests.platform.assembly import assembly
from tests.processes import processes_that_mention

pytestmark = pytest.mark.qemu

Samples = NDArray[np.int8]
Variant = Callable[[str], Path]

HANG = "b ."
FAULT = "udf #0"
FAULT_IN_A_FAULT = "cpsid f\nudf #0"


@pytest.mark.parametrize(
    ("counted", "body", "message"),
    [
        ("no", HANG, r"^tiny on mps2-an386: no end after 1 s, stopped$"),
        ("steps", HANG, r"^tiny on mps2-an386: no end after 1 s, stopped$"),
        ("profile", HANG, r"^tiny on mps2-an386: no end after 1 s, stopped$"),
        ("profile", FAULT, r"^tiny on mps2-an386: fault: UsageFault .*undefined instruction"),
        (
            "no",
            FAULT_IN_A_FAULT,
            r"^tiny on mps2-an386: a fault while none can be handled: Lockup: .*",
        ),
    ],
)
def test_ends(
    variant: Variant,
    tiny: Network,
    samples: Samples,
    m4: Board,
    tmp_path: Path,
    body: str,
    message: str,
    counted: str,
) -> None:
    program = build_cortex_m(variant(assembly(body)), tiny, m4, tmp_path)
    with pytest.raises(SimulationError, match=message):
        _run(program, tiny, m4, samples, tmp_path, counted)
    assert processes_that_mention(program.path) == []


def _run(
    program: Artifact, tiny: Network, m4: Board, samples: Samples, work: Path, counted: str
) -> None:
    run = (program, tiny, m4, samples)
    if counted == "profile":
        plugin, owners = build_profile_plugin(work), ("tiny_run",)
        profile_qemu(*run, plugin=plugin, code=CodeMap((), {}), owners=owners, timeout_s=1)
    else:
        plugin = build_count_plugin(work) if counted == "steps" else None
        run_qemu(*run, plugin=plugin, timeout_s=1)
