"""Which operator sets are taken, and which operators mean something new in them.

A newer set is no reason to refuse: most of its operators are what they were. Each operator says
since which set it is what it is, and mcucc says up to which of these versions it knows it.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import onnx
import onnx.defs

from mcucc.errors import InputFileError

OLDEST_OPSET = 7
"""Older sets broadcast by attributes, and mean other things by the same names."""

_READ_UP_TO = 23
"""Every operator of this set and of older ones is known."""

_MORE_TYPES = """CastLike Constant ConstantOfShape Flatten Identity Pad Reshape Shape Size Squeeze
    Transpose Unsqueeze""".split()  # noqa: SIM905 -- reads better than a list

_KNOWN: Mapping[str, int] = MappingProxyType(
    {
        # Sets 24 and 25 add float8e8m0, int2 and uint2 to what they take.
        **dict.fromkeys(_MORE_TYPES, 25),
        # Likewise; in 28 further types. `round_mode` is about float8e8m0 alone.
        "Cast": 28,
        "Celu": 28,
        "DepthToSpace": 28,
        # Its new `mode` is refused unless it says what was meant before.
        "SpaceToDepth": 28,
        "DequantizeLinear": 28,
        "QuantizeLinear": 28,
        # Allows fmod 0 on floats; what was allowed means the same.
        "Mod": 28,
        # Adds bfloat16.
        "TopK": 24,
        # `stash_type` is about float16 and bfloat16 alone.
        "Range": 27,
    }
)
"""The newest version of operators that have changed since, where the change is one that does not
touch what mcucc takes of them."""


def check_opset(path: Path, proto: onnx.ModelProto) -> int:
    """The default operator set of a model; 0 if no node is of it.

    Raises:
        InputFileError: mcucc, or the installed onnx package, does not know the set.
    """
    versions = [entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")]
    newest = onnx.defs.onnx_opset_version()
    if not versions:
        if all(node.domain not in ("", "ai.onnx") for node in proto.graph.node):
            return 0
        raise InputFileError(
            path, "says no operator set: it is cut off or damaged, copy or export it again"
        )
    if versions[0] < OLDEST_OPSET:
        raise InputFileError(
            path,
            f"uses operator set {versions[0]}; mcucc reads {OLDEST_OPSET} and newer: export it "
            f'again, or convert it with `python -c "import onnx, onnx.version_converter as v; '
            f"onnx.save(v.convert_version(onnx.load('{path.name}'), 17), '{path.stem}_17.onnx')\"`",
        )
    if versions[0] > newest:
        raise InputFileError(
            path,
            f"uses operator set {versions[0]}, and the installed onnx package knows the meaning of "
            f"sets up to {newest}: bring it up to date (pip install -U onnx), or export the model "
            f"again with set {_READ_UP_TO}",
        )
    return versions[0]


def newer_operators(proto: onnx.ModelProto, opset: int) -> Mapping[str, int]:
    """Operators of a model whose meaning has changed since mcucc last looked, with the set of it.

    Args:
        proto: the model.
        opset: its default operator set.
    """
    used = {node.op_type for node in proto.graph.node if node.domain in ("", "ai.onnx")}
    since = {op: onnx.defs.get_schema(op, opset).since_version for op in used if _exists(op, opset)}
    return {op: s for op, s in sorted(since.items()) if s > _KNOWN.get(op, _READ_UP_TO)}


def _exists(op: str, opset: int) -> bool:
    try:
        onnx.defs.get_schema(op, opset)
    except onnx.defs.SchemaError:
        return False
    return True
