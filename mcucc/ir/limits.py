"""How large what a file asks for may become: sizes are checked before anything is made.

A small file can ask for much: a Resize by 1e8, a constant of a given shape, an archive that
unpacks to gigabytes. All of it is held against two numbers, which the user can raise.
"""

from dataclasses import dataclass

_REAL_BYTES = 4
"""Of a float32, in which a network is calibrated."""
_TOGETHER = 4
_NODES_PER_OPERATOR = 4
"""A Quantize/DequantizeLinear pair and an activation fold into an operator."""


@dataclass(frozen=True)
class Limit:
    """What compiling a network, or reading samples, may take.

    Attributes:
        tensor_bytes: of one tensor of one sample as float32, padding included.
        operators: int8 operators of a network; planning takes time with their square.
    """

    tensor_bytes: int = 1 << 25
    operators: int = 512

    @property
    def elements(self) -> int:
        """The most elements of one tensor."""
        return self.tensor_bytes // _REAL_BYTES

    @property
    def together_bytes(self) -> int:
        """What many tensors may take: samples as float32, computed constants, int8 activations."""
        return _TOGETHER * self.tensor_bytes

    @property
    def nodes(self) -> int:
        """The most nodes of a file that depend on an input, before any are folded."""
        return _NODES_PER_OPERATOR * self.operators

    def __str__(self) -> str:
        """The limit of one tensor, and how it is raised."""
        return f"{self.tensor_bytes:,} bytes as float32 (--max-tensor-bytes raises that)"

    @property
    def hint(self) -> str:
        """What a user can do about a tensor that is too large."""
        return "Use smaller shapes, or raise --max-tensor-bytes."


def real_bytes(elements: int) -> int:
    """Bytes of so many elements as float32."""
    return _REAL_BYTES * elements


DEFAULT_LIMIT = Limit()
