from enum import Enum
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

class QuantFormat(Enum):
    QOperator = 0
    QDQ = 1

class QuantType(Enum):
    QInt8 = 0
    QUInt8 = 1

class CalibrationDataReader:
    def get_next(self) -> dict[str, NDArray[Any]] | None: ...

def quantize_static(
    model_input: Path,
    model_output: Path,
    calibration_data_reader: CalibrationDataReader,
    *,
    quant_format: QuantFormat,
    per_channel: bool,
    reduce_range: bool = ...,
    activation_type: QuantType,
    weight_type: QuantType,
) -> None: ...
