"""The order in which passes run; it is written nowhere else."""

from mcucc.passes.base import Int8Pass
from mcucc.passes.int8_.drop_unread import DropUnread
from mcucc.passes.int8_.fold_pad import FoldPad

INT8: tuple[Int8Pass, ...] = (
    DropUnread(),  # first: a Pad that a dead branch reads too can then be folded
    FoldPad(),
)
