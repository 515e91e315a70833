"""All ways to attack."""

from collections.abc import Mapping
from types import MappingProxyType

from fuzz.boards import Boards
from fuzz.calibrations import Calibrations
from fuzz.case import Kind
from fuzz.directories import Directories
from fuzz.graphs import Graphs
from fuzz.kills import Kills
from fuzz.models import Models
from fuzz.tflite_models import TfliteModels

_ALL: tuple[Kind, ...] = (
    *(Models(), TfliteModels(), Graphs(), Graphs("qemu", per_round=1, on_core=True)),
    *(Calibrations(), Boards(), Directories(), Kills()),
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _ALL})
"""By name."""
