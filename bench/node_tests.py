"""The node tests that the `onnx` package generates, through the importer and numpy float.

    python bench/node_tests.py           all: print, write bench/results/node_tests.json
    python bench/node_tests.py conv pad  cases whose name begins so (without test_): print

Taken are the cases of one node whose operator `mcucc ops` lists, whose first input is a float32
map, sequence or vector of batch 1, and whose outputs are float32. Such a test hands over weights
and other parameters as inputs; a network has them as constants, so each case is tried with all
float inputs computed, then with all but the first one constant. It passes if a way gives ONNX's
own numbers, is refused with the reason of the last way, and fails if a way gives other numbers.
"""

import argparse
import json
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx  # noqa: TID251 -- whose tests these are
from numpy.typing import NDArray
from onnx import numpy_helper  # noqa: TID251 -- likewise

from mcucc.errors import InputFileError, UnsupportedModelError, UsageError
from mcucc.importer import RULES, ModelBytes, lower_network, read_network
from mcucc.ir import Port
from mcucc.passes import FLOAT, run_passes
from mcucc.reference.float_interpreter import run_float

RESULTS = Path(__file__).parent / "results" / "node_tests.json"
RTOL, ATOL = 1e-3, 1e-5

Arrays = Sequence[NDArray[np.float32]]


@dataclass(frozen=True)
class Tried:
    """What became of a case.

    Attributes:
        name: of the case.
        op: its operator.
        says: "passed", "refused" or "failed".
        why: the rule of a refusal, or what differs.
    """

    name: str
    op: str
    says: str
    why: str = ""


def cases() -> Iterator[Any]:
    """Those of one node that can be asked for."""
    # Imported here, for it runs them all.
    from onnx.backend.test.case import node  # noqa: PLC0415, TID251 -- whose tests these are

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = cast("list[Any]", node.collect_testcases(""))
    for case in found:
        nodes = case.model.graph.node
        if len(nodes) == 1 and nodes[0].op_type in RULES and case.data_sets:
            inputs, outputs = case.data_sets[0]
            if inputs and _is_value(inputs[0]) and all(map(_is_float, outputs)):
                yield case


def _is_float(array: object) -> bool:
    return isinstance(array, np.ndarray) and cast("Any", array).dtype == np.float32


def _is_value(array: Any) -> bool:  # noqa: ANN401 -- a case holds sequences and optionals too
    return _is_float(array) and 2 <= array.ndim <= 4 and array.shape[0] == 1


def tried(case: Any) -> Tried:  # noqa: ANN401 -- untyped in onnx
    """A case in both ways."""
    op, (inputs, outputs) = case.model.graph.node[0].op_type, case.data_sets[0]
    refusal = ""
    floats = next((i for i, x in enumerate(inputs) if not _is_float(x)), len(inputs))
    for computed in dict.fromkeys((floats, 1)):
        try:
            made = _computed(case.model, inputs, computed)
        except UnsupportedModelError as error:
            refusal = error.violations[0].rule
            continue
        except (InputFileError, UsageError) as error:
            refusal = str(error).splitlines()[0]
            continue
        for ours, theirs in zip(made, outputs, strict=True):
            if ours.shape != theirs.shape or not np.allclose(
                ours, theirs, rtol=RTOL, atol=ATOL, equal_nan=True
            ):
                return Tried(case.name, op, "failed", f"with {computed} computed input(s)")
        return Tried(case.name, op, "passed")
    return Tried(case.name, op, "refused", refusal)


def _computed(model: onnx.ModelProto, inputs: Arrays, computed: int) -> Arrays:
    """The outputs, with so many inputs computed and the others constant.

    Raises:
        McuccError: it is refused.
    """
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    names = [port.name for port in model.graph.input]
    constants = dict(list(zip(names, inputs, strict=True))[computed:])
    changed.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in constants.items())
    network = read_network(ModelBytes(changed.SerializeToString()))
    graph = run_passes(lower_network(network, "net"), FLOAT)[0]
    given = dict(zip(names, inputs, strict=True))
    values = run_float(
        graph, {port.tensor: _inner(given[port.name], port) for port in graph.inputs}
    )
    return [_outer(values[port.tensor], port) for port in graph.outputs]


def _inner(x: NDArray[np.float32], port: Port) -> NDArray[np.float32]:
    return x if port.perm is None else np.ascontiguousarray(x.transpose(port.perm))


def _outer(y: NDArray[np.float32], port: Port) -> NDArray[np.float32]:
    back = range(len(port.shape)) if port.perm is None else np.argsort(port.perm).tolist()
    shape = [port.shape[axis] for axis in (port.perm or range(len(port.shape)))]
    return y.reshape(shape).transpose(list(back))


def main(arguments: list[str] | None = None) -> int:
    """Try, print, and write the results if all cases were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prefixes", nargs="*")
    prefixes = tuple(f"test_{each}" for each in parser.parse_args(arguments).prefixes)
    found = [tried(case) for case in cases() if case.name.startswith(prefixes or "")]
    found.sort(key=lambda each: each.name)
    for each in found:
        if prefixes or each.says == "failed":
            print(f"{each.says:8} {each.name:60} {each.why}")
    print(
        ", ".join(
            f"{says} {count}" for says, count in sorted(Counter(t.says for t in found).items())
        )
    )
    before = {row["name"]: row["says"] for row in json.loads(RESULTS.read_text(encoding="utf-8"))}
    lost = [each.name for each in found if each.says != "passed" == before.get(each.name)]
    for name in lost:
        print(f"passed before: {name}")
    if not prefixes:
        rows = [asdict(each) for each in found]
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 1 if lost or any(each.says == "failed" for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
