"""How many products the C for the DSP extension makes, held against what its plan says.

It is built for the computer, where each instruction is a function in C; these are made to count.
"""

import ctypes
from collections.abc import Mapping
from pathlib import Path

from mcucc.build.project import build_host_library
from mcucc.schedule import executed_macs
from mcucc.sim.host import HostLibrary
from tests.graphs import random_inputs
from tests.kernels.compiled import Generated, flat_samples

COUNTED = {
    "sum, mcucc_low_half(a) * mcucc_low_half(b))": ("lanes", 1),
    "sum, mcucc_high_half(a) * mcucc_high_half(b))": ("lanes", 1),
    "mcucc_wrapped_sum(sum, low), high)": ("quads", 2),
}
"""How the functions of `mcucc_dsp.h` end, where their products go, and how many those are. Of dot
products over pairs of channels two of the last one make the four products of two inputs and two
channels."""


def counted(generated: Generated, memory: Path) -> Mapping[str, int]:
    """Products of one run, those by zeros included, by the functions that made them."""
    header = generated.directory / "mcucc_dsp.h"
    text = header.read_text()
    for end, (counter, products) in COUNTED.items():
        line = f"return mcucc_wrapped_sum({end};"
        assert text.count(line) == 1
        text = text.replace(line, f"mcucc_{counter} += {products}; {line}")
    declared = "".join(f"__attribute__((weak)) int64_t mcucc_{name};\n" for name in _counters())
    text = text.replace('#include "mcucc_base.h"\n', f'#include "mcucc_base.h"\n{declared}', 1)
    header.write_text(text)
    artifact = build_host_library(generated.directory, generated.network, memory)
    samples = flat_samples(generated.graph, random_inputs(generated.graph, 1))
    HostLibrary(artifact, generated.network).run(samples)
    library = ctypes.CDLL(str(artifact.path))
    return {name: ctypes.c_int64.in_dll(library, f"mcucc_{name}").value for name in _counters()}


def said(generated: Generated) -> int:
    """Multiply-accumulates that the plan is said to execute."""
    return sum(executed_macs(generated.plan.schedule).values())


def _counters() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name, _ in COUNTED.values()))
