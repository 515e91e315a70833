import enum
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

class InterpreterConfig(enum.Enum):
    kAllocationRecording = 0
    kPreserveAllTensors = 1

class _TensorDetails(TypedDict):
    tensor_data: NDArray[np.generic]

class Interpreter:
    @classmethod
    def from_bytes(
        cls,
        model_data: bytes,
        custom_op_registerers: list[str] | None = None,
        arena_size: int | None = None,
        intrepreter_config: InterpreterConfig = ...,
    ) -> Interpreter: ...
    def invoke(self) -> int: ...
    def print_allocations(self) -> None: ...
    def set_input(self, input_data: NDArray[np.generic], index: int) -> None: ...
    def get_output(self, index: int) -> NDArray[np.int8]: ...
    def GetTensor(self, tensor_index: int, subgraph_index: int) -> _TensorDetails: ...
