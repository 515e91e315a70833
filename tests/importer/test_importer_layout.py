"""Layout, and names of networks."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.errors import UsageError
from mcucc.importer import check_name, identifier
from mcucc.importer.layout import same_order, to_inner_perm, to_inner_shape
from mcucc.ir import Shape

SHAPES_OF_24: list[Shape] = [
    (1, *sizes)
    for rank in (1, 2, 3)
    for sizes in np.ndindex(*[25] * rank)
    if math.prod(sizes) == 24
]


def inner_bytes(shape: Shape) -> bytes:
    order = np.arange(math.prod(shape)).reshape(shape)
    return order.transpose(to_inner_perm(len(shape)) or range(len(shape))).tobytes()


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(before=st.sampled_from(SHAPES_OF_24), after=st.sampled_from(SHAPES_OF_24))
def test_the_order_is_the_same_when_the_bytes_are(before: Shape, after: Shape):
    assert same_order(before, after) == (inner_bytes(before) == inner_bytes(after))


def test_the_order_of_a_huge_shape_costs_nothing():
    assert same_order((1, 1, 2**40, 2**40), (1, 2**80))
    assert not same_order((1, 2, 2**40, 2**40), (1, 2**81))


@pytest.mark.parametrize(
    ("shape", "inner"),
    [((1, 7), (1, 7)), ((1, 3, 5), (1, 5, 3)), ((1, 3, 5, 7), (1, 5, 7, 3))],
)
def test_channels_go_last(shape: Shape, inner: Shape):
    assert to_inner_shape(shape) == inner


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("kws_qdq.onnx", "kws_qdq"),
        ("My Model-v2.onnx", "my_model_v2"),
        ("3d.onnx", "net_3d"),
        ("int.onnx", "net_int"),
        ("äöü.onnx", "net"),
        ("a__b_.onnx", "a_b"),
        ("NUL.onnx", "net_nul"),
        ("mcucc.onnx", "net_mcucc"),
    ],
)
def test_a_file_gives_a_name(file: str, name: str):
    assert identifier(Path(file)) == name
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "Net", "3d", "a-b", "a b", "_x", "a" * 65])
def test_a_name_must_be_a_c_identifier(name: str):
    with pytest.raises(UsageError, match="use a lower-case C identifier such as"):
        check_name(name)


@pytest.mark.parametrize(
    "name", ["int", "stdio", "mcucc", "mcucc_a", "con", "nul", "aux", "prn", "com1", "a__b", "a_"]
)
def test_reserved_names(name: str):
    with pytest.raises(UsageError, match=f"'{name}' is reserved .* use another, such as '") as said:
        check_name(name)
    check_name(str(said.value).rpartition("such as ")[2].strip("'"))
