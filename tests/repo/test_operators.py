"""Every operator has all that belongs to one.

int8: class, meaning, kernel, twin and a test; float: class, meaning, int8 form, a rule of the
importer and a test.
"""

import inspect
import re

import numpy as np
import pytest

from mcucc.importer import rules
from mcucc.kernels import select_kernels
from mcucc.kernels.families import OPERATORS
from mcucc.ops import FLOAT_OPS, INT8_OPS
from mcucc.ops.base import Aliasing
from mcucc.quant.forms import FORMS
from mcucc.reference import float_interpreter, interpreter
from mcucc.reference.movement import held_shape
from mcucc.twin import write_twin
from mcucc.twin.operators import TWINS
from tests.graphs import GraphBuilder, every_operator_graph, random_inputs
from tests.repo.checkout import CHECKOUT


def builders(name: str) -> set[str]:
    """The methods of `GraphBuilder` that make a node of an operator."""
    methods = inspect.getmembers(GraphBuilder, inspect.isfunction)
    return {
        label for label, method in methods if re.search(rf"\b{name}\(", inspect.getsource(method))
    }


def test_each_onnx_operator_has_one_rule() -> None:
    families = [module for _, module in inspect.getmembers(rules, inspect.ismodule)]
    named = [op for module in families for op in getattr(module, "RULES", ())]
    assert sorted(named) == sorted(rules.RULES)


def test_the_union_the_table_and_the_builders_name_the_same() -> None:
    assert set(interpreter.MEANINGS) == set(INT8_OPS.values())
    assert set(TWINS) == set(INT8_OPS.values())
    assert {op.__name__ for op in OPERATORS} == set(INT8_OPS) - {"Reshape"}
    used = {type(node.op).__name__ for node in every_operator_graph().nodes}
    assert used == set(INT8_OPS)


@pytest.mark.parametrize("name", INT8_OPS)
def test_an_operator_is_complete(name: str) -> None:
    graph = every_operator_graph()
    nodes = [node for node in graph.nodes if type(node.op).__name__ == name]
    values = interpreter.run(graph, random_inputs(graph, 2))
    kernels = select_kernels(graph)
    for node in nodes:
        value = values[node.output]
        assert value.dtype == np.int8
        assert value.shape == (2, *held_shape(graph.tensors[node.output])[1:])
        executed = node.op.aliasing is not Aliasing.SAME_BYTES
        assert (kernels[node.name] is not None) == executed
    assert write_twin(graph).count(nodes[0].output.encode()) > 0


@pytest.mark.parametrize("name", INT8_OPS)
def test_an_operator_is_tested(name: str) -> None:
    """Tests of the reference, of the kernels, or of its own build it."""
    wanted = re.compile("|".join([rf"\b{name}\(", *(rf"\.{b}\(" for b in builders(name))]))
    folders = ("kernels", "reference", "operators")
    tests = [path for each in folders for path in CHECKOUT.glob(f"tests/{each}/*.py")]
    assert any(wanted.search(path.read_text()) for path in tests)


def test_the_tables_name_every_float_operator() -> None:
    assert set(float_interpreter.MEANINGS) == set(FLOAT_OPS.values())
    assert set(FORMS) == set(FLOAT_OPS.values())


@pytest.mark.parametrize("name", FLOAT_OPS)
@pytest.mark.parametrize(
    "folders", [("mcucc/importer",), ("tests/reference", "tests/operators")], ids=lambda f: f[0]
)
def test_a_float_operator_is_made_and_tested(folders: tuple[str, ...], name: str) -> None:
    """The importer makes it, and tests of the meaning have it in their graphs."""
    pattern = re.compile(rf"\b{name}\(")
    sources = [path for folder in folders for path in CHECKOUT.joinpath(folder).rglob("*.py")]
    assert any(pattern.search(path.read_text()) for path in sources)
