"""Faults in variants, algorithms that families have for some layers of a unit, and in sums."""

from mutants.mutant import Mutant

_LEAN = "tests/kernels/test_conv_without_scratch.py"
_CONV = "mcucc/kernels/families/conv.py"
_ADD = "runtime_c/elementwise/mcucc_add_dsp.h"
_SUM = "tests/kernels/test_sum_dsp.py"
_STREAM = "runtime_c/dot/mcucc_stream_dsp.h"
_PAIRS = "tests/kernels/test_pointwise_stream.py"
_ROWS = "runtime_c/depthwise/mcucc_depthwise_rows_dsp.h"
_THREE = "tests/kernels/test_depthwise_rows.py"
_DIRECT = "runtime_c/conv/mcucc_conv_direct_mve.h"

MUTANTS = (
    Mutant(
        "patch-on-the-stack-is-too-small",
        _CONV,
        "if 4 * fours <= _MOST_STACK else portable",
        "if 4 * fours <= _MOST_STACK + 8 else portable",
        (f"{_LEAN}::test_which_windows_they_take",),
        "A window is copied beyond the end of the bytes that the kernel has for it.",
    ),
    Mutant(
        "patches-on-the-stack-are-too-small",
        _CONV,
        "elif scratch <= _MOST_STACK_OF_TWO:",
        "elif scratch <= _MOST_STACK_OF_TWO + 32:",
        (f"{_LEAN}::test_which_windows_they_take",),
        "Two windows are copied beyond the end of the bytes that the kernel has for them.",
    ),
    Mutant(
        "direct-conv-holds-nothing-back",
        _DIRECT,
        "&output, out, held,",
        "&output, out, &out[(left > 1) ? out_stride : 0],",
        (f"{_LEAN}::test_under_sanitizers",),
        "The second pixel of a pair is written before it is copied, and then overwritten.",
    ),
    Mutant(
        "direct-conv-reads-behind-an-odd-row",
        _DIRECT,
        "const int32_t next = (left > 1) ? (column + stride) : column;",
        "const int32_t next = column + stride;",
        (f"{_LEAN}::test_under_sanitizers",),
        "Behind the last pixel of an odd row a window is read that may lie nowhere.",
    ),
    Mutant(
        "dsp-difference-is-turned-around",
        _ADD,
        "sum = (p->halved == 0) ? (halved - other) : (other - halved);",
        "sum = halved - other;",
        (f"{_SUM}::test_under_sanitizers",),
        "Where the second input has the larger scale it is subtracted from, not subtracted.",
    ),
    Mutant(
        "dsp-difference-has-the-zero-point-of-a-sum",
        _ADD,
        "(p->right == 0) ? (p->zero_point[1] - p->zero_point[0]) : p->zero_point[0];",
        "(p->right == 0) ? (p->zero_point[1] - p->zero_point[0]) : -p->zero_point[0];",
        (f"{_SUM}::test_on_the_core",),
        "On the core differences of unequal scales are off by twice a zero point.",
    ),
    Mutant(
        "dsp-sum-does-not-clamp",
        _ADD,
        "if ((p->output.min > INT8_MIN) || (p->output.max < INT8_MAX)) {",
        "if ((p->output.min > INT8_MIN) && (p->output.max < INT8_MAX)) {",
        (f"{_SUM}::test_under_sanitizers",),
        "An activation that narrows the range at one end alone does nothing.",
    ),
    Mutant(
        "dsp-sum-of-a-scale-too-small-is-not-scaled",
        "mcucc/kernels/families/elementwise.py",
        "right = 0 if other == _HALF else max(-other.shift, 1)",
        "right = max(-other.shift, 0)",
        (f"{_SUM}::test_under_sanitizers",),
        "An input whose factor is 0 enters the sum with one half.",
    ),
    Mutant(
        "stream-forgets-the-last-odd-channel",
        _STREAM,
        "if ((out_c % 2) != 0) {",
        "if ((out_c % 4) == 1) {",
        (f"{_PAIRS}::test_under_sanitizers",),
        "With 7 channels the last is never made.",
    ),
    Mutant(
        "stream-takes-off-no-sign",
        _STREAM,
        "if (s->zero_point == INT8_MIN) {",
        "if (s->zero_point <= 0) {",
        (f"{_PAIRS}::test_on_the_core",),
        "On the core halves below a zero point within the range are rounded up.",
    ),
    Mutant(
        "stream-of-clamped-outputs",
        "mcucc/kernels/families/weighted.py",
        "return kernel.requant is RequantClass.FAST and not kernel.clamps",
        "return kernel.requant is RequantClass.FAST",
        (f"{_PAIRS}::test_which_layers_take_it",),
        "An activation that narrows the range does nothing.",
    ),
    Mutant(
        "stream-enters-a-turn-a-step-late",
        _STREAM,
        "(4 - (behind_first % 4))",
        "((behind_first % 4) + 1)",
        (f"{_PAIRS}::test_on_the_core",),
        "Of 16 inputs the last eight are left out.",
    ),
    Mutant(
        "stream-of-the-even-shift-twice",
        "mcucc/kernels/packing.py",
        "both[:, 1] += scales[1::2, 1]",
        "both[:, 1] += scales[::2, 1]",
        (f"{_PAIRS}::test_under_sanitizers",),
        "An odd channel is shifted as the even one beside it.",
    ),
    Mutant(
        "rows-of-any-bias",
        "mcucc/kernels/families/depthwise.py",
        "_LARGEST_BIAS = 1 << 23",
        "_LARGEST_BIAS = 1 << 24",
        (f"{_THREE}::test_which_layers_take_it",),
        "A bias of 24 bits and a sign is cut to make room for a shift.",
    ),
    Mutant(
        "widened-pixels-share-a-register",
        "runtime_c/dot/mcucc_panel_dsp.h",
        '[b] "+&r"(b)',
        '[b] "+r"(b)',
        (f"{_PAIRS}::test_on_the_core",),
        "The second pixel begins where the first one ends: gcc gives both one register.",
    ),
    Mutant(
        "rows-miss-padding-on-the-right",
        _ROWS,
        "const int32_t last = (behind > 0) ? behind : 0;",
        "const int32_t last = (behind > 1) ? behind : 0;",
        (f"{_THREE}::test_under_sanitizers",),
        "The column behind a row is read where there is one pixel of padding.",
    ),
    Mutant(
        "rows-hold-nothing-back",
        _ROWS,
        "mcucc_depthwise_hold(p, rows, x, count, held);",
        "mcucc_depthwise_hold(p, rows, x, count, out);",
        (f"{_THREE}::test_the_output_may_lie_on_the_dying_input",),
        "The first channel of a few pixels is written over what the next channel reads.",
    ),
    Mutant(
        "rows-of-wider-padding",
        "mcucc/kernels/families/depthwise.py",
        "window == Window(3, 3) and max(view.op.pads[2:]) <= 1",
        "window == Window(3, 3) and max(view.op.pads[2:]) <= 2",
        (f"{_THREE}::test_which_layers_take_it",),
        "Windows in two columns of padding are taken, of which the kernel knows one.",
    ),
    Mutant(
        "gathered-last-four-are-no-last-four",
        "runtime_c/depthwise/mcucc_depthwise_gather_dsp.h",
        "movgt r3, r12",
        "movgt r3, r3",
        ("tests/kernels/test_depthwise_gather.py::test_on_the_core",),
        "Of six channels the last group begins at the fourth, beyond the pixel.",
    ),
    Mutant(
        "gathered-of-clamped-outputs",
        "runtime_c/depthwise/mcucc_depthwise_gather_dsp.h",
        "if ((kind == MCUCC_FAST) && !clamps) {",
        "if (kind == MCUCC_FAST) {",
        ("tests/kernels/test_depthwise_gather.py::test_on_the_core",),
        "An activation that narrows the range does nothing.",
    ),
    Mutant(
        "runs-end-after-the-first",
        "runtime_c/dot/mcucc_runs_dsp.h",
        "cmp r3, #0\\n\\tbne 2b\\n\\t",
        "cmp r3, #0\\n\\t",
        ("tests/kernels/test_runs.py::test_on_the_core",),
        "Of a window's rows only the first one is added up.",
    ),
    Mutant(
        "runs-of-dilated-rows",
        "runtime_c/conv/mcucc_conv_runs_dsp.h",
        "(dilation == 1) && (column >= 0)",
        "(column >= 0)",
        ("tests/kernels/test_runs.py::test_under_sanitizers",),
        "Taps that lie apart are read as if they were side by side.",
    ),
)
