from collections.abc import Sequence
from pathlib import Path

from torch import Tensor
from torch.nn import Module

def export(
    model: Module,
    args: tuple[Tensor, ...],
    f: Path,
    *,
    input_names: Sequence[str],
    output_names: Sequence[str],
    opset_version: int,
    dynamo: bool,
) -> None: ...
