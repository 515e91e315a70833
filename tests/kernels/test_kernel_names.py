"""Names of kernels: the grammar, its document, and what code is rendered for a name."""

import itertools
import re
from pathlib import Path

import pytest

from mcucc.errors import InvariantError
from mcucc.kernels import FAMILIES, Kernel, Window, parse_kernel
from mcucc.reference.fixed_point import RequantClass

DOCUMENT = Path(__file__).parents[2] / "docs" / "kernel-names.md"
WINDOWS = [
    None,
    *(
        Window(*numbers)
        for numbers in itertools.product((1, 3, 10), (1, 4, 12), (1, 2, 16), (1, 3, 10))
    ),
]


def test_a_name_parses_to_its_kernel() -> None:
    for family, window, requant in itertools.product(
        FAMILIES.values(), WINDOWS, [None, *RequantClass]
    ):
        kernel = Kernel(family, window, requant)
        assert re.fullmatch("[a-z][a-z0-9_]*", kernel.name)
        assert parse_kernel(kernel.name) == kernel


def test_different_kernels_have_different_names() -> None:
    kernels = [
        Kernel(*parts)
        for parts in itertools.product(FAMILIES.values(), WINDOWS, [None, *RequantClass])
    ]
    assert len({kernel.name for kernel in kernels}) == len(kernels)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "conv",
        "conv_s8_",
        "conv_s16_k3x3s1",
        "CONV_s8",
        "conv_s8_k3s1",
        "conv_s8_k3x3",
        "conv_s8_k3x3s1d",
        "conv_s8_quick",
        "conv_s8_fast_k3x3s1",
        "minpool_s8",
        "conv_s8_k3x3s1_fast ",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvariantError, match="is no kernel name"):
        parse_kernel(name)


def test_every_name_in_the_document_is_one() -> None:
    named = re.findall(r"`(\w+_s8\w*)`", DOCUMENT.read_text(encoding="utf-8"))
    assert {parse_kernel(name).family for name in named} == set(FAMILIES.values())
    for name in named:
        assert parse_kernel(name).name == name
