"""What takes long in a compilation is done once."""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcucc.api.compile import CompileOptions, compile_model
from mcucc.codegen import layer_code
from mcucc.kernels.use import KernelUse
from mcucc.schedule import plan_network

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.onnx"


@pytest.fixture(autouse=True)
def _without_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


def counted(monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any]) -> list[str]:
    """Notes each call of a function, by whatever module it is called."""
    calls: list[str] = []

    def noted(*args: Any, **kwargs: Any) -> Any:
        calls.append(function.__name__)
        return function(*args, **kwargs)

    for name, module in list(sys.modules.items()):
        if name.startswith("mcucc") and getattr(module, function.__name__, None) is function:
            monkeypatch.setattr(module, function.__name__, noted)
    return calls


@pytest.mark.parametrize("objective", ["auto", "memory", "speed"])
def test_a_network_is_planned_once(monkeypatch: pytest.MonkeyPatch, objective: Any) -> None:
    calls = counted(monkeypatch, plan_network)
    compilation = compile_model(DIGITS, CompileOptions("nucleo-f446re", objective=objective))
    assert compilation.report.fits
    assert calls == ["plan_network"]
    assert compilation.report.arena_bytes_streamed_input is None


def test_a_streamed_network_is_planned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counted(monkeypatch, plan_network)
    report = compile_model(DIGITS, CompileOptions("nucleo-f446re", stream_input=True)).report
    assert calls == ["plan_network"]
    assert report.arena_bytes_streamed_input == report.arena_bytes


def test_an_arena_that_is_too_large_is_planned_with_an_input_outside_of_it_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    least = compile_model(DIGITS, CompileOptions("nucleo-f446re", objective="memory")).report
    sram = least.arena_bytes + least.stack_reserve_bytes - 1
    calls = counted(monkeypatch, plan_network)
    report = compile_model(DIGITS, CompileOptions("nucleo-f446re", sram=sram)).report
    assert not report.fits
    assert len(calls) == 3  # in strips, as a streamed input is too large as well
    options = CompileOptions("nucleo-f446re", sram=sram, stream_input=True)
    assert report.arena_bytes_streamed_input == compile_model(DIGITS, options).report.arena_bytes
    options = replace(options, stream_input=False, input_elsewhere=True)
    assert report.arena_bytes_input_elsewhere == compile_model(DIGITS, options).report.arena_bytes


@pytest.mark.parametrize("board", ["nucleo-f446re", "mps3-an547"])
def test_the_code_of_each_layer_is_made_once(monkeypatch: pytest.MonkeyPatch, board: str) -> None:
    made: Counter[str] = Counter()

    def noted(code: Callable[[KernelUse[Any]], Any]) -> Callable[[KernelUse[Any]], Any]:
        def make(use: KernelUse[Any]) -> Any:
            made[use.node.name] += 1
            return code(use)

        return make

    operators = {op: replace(o, code=noted(o.code)) for op, o in layer_code.OPERATORS.items()}
    monkeypatch.setattr(layer_code, "OPERATORS", operators)
    report = compile_model(DIGITS, CompileOptions(board)).report
    assert made == {layer.name: 1 for layer in report.layers if layer.kernel}
