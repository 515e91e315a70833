"""What comes behind a network: post-processing that is left to the program.

Detection networks end in operators of somebody's own, and converters leave arithmetic on floats
behind the last DEQUANTIZE. Neither is for int8 kernels; what they read becomes the outputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mcucc.importer.tflite.draft import label_of
from mcucc.importer.tflite.model import ABSENT, Operator, TfliteModel

_SHOWN = 3
"""Names that a note lists."""

_EDGES = ("DEQUANTIZE", "QUANTIZE")
_LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
"""Where one of them is on floats, floats are part of the network and not its tail."""


def without_tail(file: TfliteModel) -> tuple[TfliteModel, tuple[str, ...]]:
    """The file with other outputs where post-processing makes its own, and a note that says so.

    Args:
        file: any.

    Returns:
        The file, and no note, where nothing comes behind the network.
    """
    tail = _tail(file)
    made = {index for operator in tail for index in operator.outputs}
    computed = {index for operator in file.operators for index in operator.outputs} - made
    read = [
        i for operator in tail for i in operator.inputs if i in computed and not _fixed(file, i)
    ]
    if not tail or not read:
        return file, ()
    outputs: list[int] = []
    for index in file.outputs:
        outputs += read if index in made else [index]
    cut = replace(file, outputs=tuple(dict.fromkeys(outputs)))
    return cut, (_note(file, tail, tuple(dict.fromkeys(read))),)


def _fixed(file: TfliteModel, index: int) -> bool:
    return file.tensors[index].data is not None


def _tail(file: TfliteModel) -> Sequence[Operator]:
    """The operators at the end that are left out, in order."""
    floats = _ends_in_floats(file)
    readers: dict[int, list[int]] = {}
    for operator in file.operators:
        for index in operator.inputs:
            readers.setdefault(index, []).append(operator.index)
    left: dict[int, Operator] = {}
    for operator in reversed(file.operators):
        last = operator.outputs and _read_by(operator, readers) <= left.keys()
        custom = operator.code.startswith("CUSTOM ")
        if last and (custom or (floats and _on_floats(file, operator))):
            left[operator.index] = operator
    return [left[index] for index in sorted(left)]


def _read_by(operator: Operator, readers: Mapping[int, Sequence[int]]) -> set[int]:
    return {reader for index in operator.outputs for reader in readers.get(index, ())}


def _ends_in_floats(file: TfliteModel) -> bool:
    """Whether layers are on integers, and all of them."""
    kinds = {
        file.tensors[operator.inputs[0]].dtype
        for operator in file.operators
        if operator.code in _LAYERS and operator.inputs and operator.inputs[0] != ABSENT
    }
    return bool(kinds) and "FLOAT32" not in kinds


def _on_floats(file: TfliteModel, operator: Operator) -> bool:
    values = [file.tensors[i] for i in operator.inputs if i != ABSENT and not _fixed(file, i)]
    made = [file.tensors[index] for index in operator.outputs]
    kinds = {tensor.dtype for tensor in (*values, *made)}
    return operator.code not in _EDGES and bool(values) and kinds == {"FLOAT32"}


def _note(file: TfliteModel, tail: Sequence[Operator], read: Sequence[int]) -> str:
    makes = [i for i in file.outputs if any(i in operator.outputs for operator in tail)]
    return (
        f"the network is cut before {_some([label_of(operator) for operator in tail])}, which is "
        f"left to your program: it makes {_quoted(file, makes)} of the outputs "
        f"{_quoted(file, read)}"
    )


def _quoted(file: TfliteModel, indices: Sequence[int]) -> str:
    return _some([f"'{file.tensors[index].name}'" for index in indices])


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
