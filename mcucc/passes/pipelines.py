"""The order in which passes run; it is written nowhere else."""

from mcucc.passes.base import FloatPass, Int8Pass
from mcucc.passes.float_.absorb_transposes import AbsorbTransposes
from mcucc.passes.float_.affine_to_depthwise import AffineToDepthwise
from mcucc.passes.float_.compose_transposes import ComposeTransposes
from mcucc.passes.float_.drop_identity import DropIdentity
from mcucc.passes.float_.fold_into_producer import FoldIntoProducer
from mcucc.passes.float_.fold_into_reader import FoldIntoReader
from mcucc.passes.float_.fold_pad import FoldPad as FoldFloatPad
from mcucc.passes.float_.fuse_activation import FuseActivation
from mcucc.passes.float_.hoist_transposes import HoistTransposes
from mcucc.passes.float_.recognize import Recognize
from mcucc.passes.float_.sink_blocks import SinkBlocks
from mcucc.passes.float_.sink_reshapes import SinkReshapes
from mcucc.passes.float_.sink_transposes import SinkTransposes
from mcucc.passes.float_.together import Together
from mcucc.passes.int8_.copy_states import CopyStates
from mcucc.passes.int8_.drop_channels import DropChannels
from mcucc.passes.int8_.drop_unread import DropUnread
from mcucc.passes.int8_.fold_pad import FoldPad

_CANCEL_TRANSPOSES = Together(
    "cancel_transposes",
    (
        ComposeTransposes(),  # first: what vanishes needs no place
        HoistTransposes(),  # before others sink away from the input that could absorb them
        SinkTransposes(),
        AbsorbTransposes(),  # last: a port that takes one layout cannot take another
    ),
)
_TIDY_RESHAPES = Together("tidy_reshapes", (DropIdentity(), SinkReshapes()))

FLOAT: tuple[FloatPass, ...] = (
    DropIdentity(),  # first: what nobody reads, or does nothing, hides the readers that count
    Recognize(),  # before anything folds or moves the parts of a spelled-out activation
    _CANCEL_TRANSPOSES,  # before folding: a Transpose stands between a layer and its neighbours
    SinkBlocks(),  # before folding too
    FoldIntoProducer(),
    FoldIntoReader(),  # before Reshapes sink between a scale and the dense layer that reads it
    _TIDY_RESHAPES,
    FoldFloatPad(),  # before readers take a scale over: a Pad stands between them
    FoldIntoProducer(),  # again: now nothing stands between
    FoldIntoReader(),
    AffineToDepthwise(),  # after all folding: what becomes a layer costs time
    FoldFloatPad(),  # again: these layers can pad too
    _TIDY_RESHAPES,  # again: the layers of vectors stand between two Reshapes
    FuseActivation(),  # last: a layer with an activation takes no scale over
)

INT8_WHOLE: tuple[Int8Pass, ...] = (
    DropUnread(),  # first: a Pad that a dead branch reads too can then be folded
    FoldPad(),
    CopyStates(),  # last: what makes a state, and who reads it, is settled
)
"""What never changes the shape of a value: `--no-prune`."""

PRUNE: tuple[Int8Pass, ...] = (DropChannels(),)

INT8: tuple[Int8Pass, ...] = (
    *INT8_WHOLE,
    *PRUNE,  # after folding pads: a Pad's zero points make a border, a convolution's may not
)
