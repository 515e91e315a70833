"""Names of kernels: the grammar, its document, and what code is rendered for a name."""

import itertools
import re
from pathlib import Path

import pytest

from mcucc.errors import InvariantError
from mcucc.kernels import (
    FAMILIES,
    Access,
    Family,
    Kernel,
    Shape,
    Unit,
    Variant,
    Window,
    parse_kernel,
)
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


OWN_WORDS = {"fast", "wide", "general", "clamp", "pairs", *Unit}
"""What a variant may not be called, for the grammar has these words."""


def test_a_variant_is_another_algorithm_under_its_own_name() -> None:
    variant = Variant("swift", Unit.DSP, keeps_taps=True)
    family = Family(
        *("tried", Shape.WINDOW, Access.PIXEL, "window"),
        tells_clamping=True,
        takes_last_fours=frozenset({Unit.DSP}),
        variants=(variant,),
    )
    portable = Kernel(family, Window(5, 5), RequantClass.FAST, clamps=True)
    first, other = portable.on(Unit.DSP), portable.by(variant)
    assert first != other
    assert (first.name, first.header) == (
        "tried_s8_k5x5s1_fast_clamp_dsp",
        "mcucc_window_dsp.h",
    )
    assert other.name == "tried_s8_k5x5s1_fast_clamp_swift_dsp"
    assert other.header == "mcucc_window_swift_dsp.h"
    assert other.ctype == "mcucc_window_swift_dsp_t"
    assert other.body.startswith("mcucc_window_swift_dsp(p, rows, ")
    assert (first.keeps_taps, other.keeps_taps) == (False, True)
    assert (first.values_made(2, 5), other.values_made(2, 5)) == (16, 10)
    assert other.on(Unit.DSP) == first


def test_every_variant_parses_and_takes_no_word_of_the_grammar() -> None:
    for family in FAMILIES.values():
        names = [(variant.name, variant.unit) for variant in family.variants]
        assert len(set(names)) == len(names)
        for variant in family.variants:
            assert re.fullmatch("[a-z]+", variant.name)
            assert variant.name not in OWN_WORDS
            kernel = Kernel(family, Window(5, 5), RequantClass.FAST).by(variant)
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
    assert named
    for name in named:
        assert parse_kernel(name).name == name
