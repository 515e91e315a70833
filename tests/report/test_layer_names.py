"""The report names each layer's function and arrays as they stand in the C."""

import re
from pathlib import Path

import pytest

from mcucc.api.attribution import Attribution
from mcucc.api.compile import Compilation, CompileOptions, compile_model
from mcucc.schedule.plan import Objective
from tests.repo.checkout import CHECKOUT

DIGITS = CHECKOUT / "examples" / "digits" / "digits_int8.onnx"


def check_names(compilation: Compilation) -> None:
    report, files = compilation.report, compilation.files
    code, weights = files[f"{report.name}.c"], files[f"{report.name}_weights.c"]
    defined = set(re.findall(r"^static \w*\s*void (\w+)\(", code, re.M))
    for layer in report.layers:
        assert not layer.kernel or layer.function in defined
        assert all(f" {array}[" in weights for array in layer.arrays)
    functions = {name for step in report.steps for name in step.functions}
    assert functions >= {layer.function for layer in report.layers if layer.function}
    named = re.findall(r"^(?:\w+ )*const \w+ (\w+)\[", weights, re.M)
    shared = set(named) - {array for layer in report.layers for array in layer.arrays}
    assert all("_pad_" in name for name in shared)


@pytest.mark.parametrize("objective", ["speed", "memory"])
def test_the_example(objective: Objective) -> None:
    check_names(compile_model(DIGITS, CompileOptions("nucleo-f446re", objective=objective)))


@pytest.mark.models
def test_a_layer_whose_pixels_another_reads_at_once_is_not_given_to_a_third(
    models_dir: Path,
) -> None:
    """ResNet-8's smallest plan: conv_5 makes panels of pixels that add_2 reads, not pwconv_1."""
    options = CompileOptions("mps2-an386", objective="memory", name="resnet8")
    compilation = compile_model(models_dir / "resnet8_qdq.onnx", options)
    check_names(compilation)
    report = compilation.report
    layers = {layer.name: layer for layer in report.layers}
    attribution = Attribution(report)
    for name in ("conv_5", "conv_7"):
        layer = layers[name]
        assert layer.index in attribution.layers(layer.function, layer.kernel)
        others = [other.name for other in report.layers if other.function == layer.function]
        assert others[0] == name
        assert others[-1].startswith("add")
