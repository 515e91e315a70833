"""Prints a program: {file name: text}."""

import re
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from mcucc.codegen.env import environment
from mcucc.codegen.line_width import fit_lines
from mcucc.codegen.program import INT8, Element, Files, Program, SelfTest
from mcucc.kernels.literals import int_rows
from mcucc.resources import runtime_headers

_INCLUDE = re.compile(r'^#include "(mcucc_\w+\.h)"', re.MULTILINE)
_C = (".c", ".h")

EXAMPLE = "example/main.c"
"""In a folder of its own: who builds all C files of the directory gets no second `main`."""


def emit(program: Program, *, selftest: SelfTest | None = None) -> Files:
    """All files of a generated network; no file is written.

    Args:
        program: what to print.
        selftest: recorded samples; adds `<name>_selftest.c` and its header.
    """
    name = program.name
    names = {
        f"{name}.h": "model.h.j2",
        f"{name}.c": "model.c.j2",
        f"{name}_kernels.h": "kernels.h.j2",
        f"{name}_weights.h": "weights.h.j2",
        f"{name}_weights.c": "weights.c.j2",
        f"{name}_io.c": "io.c.j2",
        EXAMPLE: "example_float.c.j2" if program.runs_on_floats else "example_main.c.j2",
        "CMakeLists.txt": "CMakeLists.txt.j2",
    }
    if selftest is not None:
        names[f"{name}_selftest.h"] = "selftest.h.j2"
        names[f"{name}_selftest.c"] = "selftest.c.j2"
    env = environment()
    context = {"program": program, "test": selftest}
    files = {file: env.get_template(template).render(context) for file, template in names.items()}
    own = {file: fit_lines(text) if file[-2:] in _C else text for file, text in files.items()}
    return {**own, **_runtime_files(program)}


def self_test(
    inputs: Sequence[NDArray[np.int8]],
    outputs: Sequence[NDArray[np.int8]],
    elements: tuple[Element, Element] = (INT8, INT8),
    indices: Collection[int] = (),
) -> SelfTest:
    """Samples for `<name>_selftest.c`.

    Args:
        inputs: one array (N, ...) in inner layout per input port.
        outputs: likewise per output port.
        elements: what inputs and what outputs are made of in the file.
        indices: outputs that are int32 numbers, of which the bytes are given and written.
    """

    def rows(array: NDArray[np.int8], element: Element) -> tuple[str, ...]:
        return int_rows(array.astype(np.int64) + element.shift, 16)

    takes, gives = elements
    recorded = (rows(y, INT8 if place in indices else gives) for place, y in enumerate(outputs))
    return SelfTest(len(inputs[0]), tuple(rows(x, takes) for x in inputs), tuple(recorded))


def _runtime_files(program: Program) -> Files:
    """The headers of runtime_c/ that are used or included by these, with their version."""
    texts: dict[str, str] = {}
    queue = list(program.runtime_headers)
    while queue:
        header = queue.pop(0)
        if header not in texts:
            texts[header] = runtime_headers()[header].read_text(encoding="utf-8")
            queue += _INCLUDE.findall(texts[header])
    template = environment().get_template("runtime.h.j2")
    return {
        name: template.render(program=program, name=name, text=text)
        for name, text in sorted(texts.items())
    }
