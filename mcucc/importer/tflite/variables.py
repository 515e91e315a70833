"""The variables of a file while it is translated."""

from dataclasses import dataclass, field

from mcucc.importer.tflite.model import Tensor


@dataclass
class Variables:
    """What is known of each variable so far, by its name.

    Attributes:
        found: the tensor that first reads what a run finds in it.
        left: the tensor that was assigned last, and the value that stands for it.
        initial: the constant that the initializing subgraph assigns.
    """

    found: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    left: dict[str, tuple[Tensor, str]] = field(default_factory=dict[str, tuple[Tensor, str]])
    initial: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
