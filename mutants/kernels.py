"""Faults in plain C, and in the code that kernels of all units share."""

from mutants.mutant import Mutant

_C = "runtime_c"
_WINDOW = "tests/kernels/test_kernels_window.py"
_CONV = f"{_WINDOW}::test_convolutions"
_DEPTHWISE = f"{_WINDOW}::test_depthwise_convolutions"
_BORDERS = "tests/kernels/test_borders.py::test_layers_at_borders"
_FIXED = "tests/kernels/test_kernels_fixed_point.py"
_LIMITS = "tests/kernels/test_kernels_requantize.py::test_every_class_at_its_limits"
_PIXELS = "tests/kernels/test_kernels_pixels.py"
_GROUPED = "tests/kernels/test_more_ops_window.py::test_grouped_convolutions"
_RING = "tests/kernels/test_ring.py"

MUTANTS = (
    Mutant(
        "conv-reads-one-pixel-too-far",
        f"{_C}/conv/mcucc_conv.h",
        "(dilation == 1) && (column >= 0) && (column + kw <= p->in_w);",
        "(dilation == 1) && (column >= 0) && (column + kw <= p->in_w + 1);",
        (f"{_CONV}[portable]",),
        "The last window of a padded row reads the next row's first pixel.",
    ),
    Mutant(
        "conv-pair-ignores-the-stride",
        f"{_C}/conv/mcucc_conv.h",
        "mcucc_conv_tap(p, rows[ky], x + stride), in_c);",
        "mcucc_conv_tap(p, rows[ky], x + 1), in_c);",
        (f"{_CONV}[portable]",),
        "The second pixel of a pair at the border sees the window of stride 1.",
    ),
    Mutant(
        "conv-pair-holds-back-too-few",
        f"{_C}/conv/mcucc_conv.h",
        "mcucc_blocks_end(&sums.acc[4], ch, count - c, &output, &held[c], kind, clamps);",
        "mcucc_blocks_end(&sums.acc[0], ch, count - c, &output, &held[c], kind, clamps);",
        (f"{_CONV}[portable]",),
        "Both pixels of a pair get the first one's outputs.",
    ),
    Mutant(
        "conv-pair-of-many-channels",
        f"{_C}/conv/mcucc_conv.h",
        "const int32_t count = (p->out_c < MCUCC_HELD) ? p->out_c : MCUCC_HELD;",
        "const int32_t count = p->out_c;",
        (f"{_WINDOW}::test_more_channels_than_are_held_back[portable]",),
        "More channels than can be held back run over the buffer on the stack.",
    ),
    Mutant(
        "blocks-forget-the-rest-of-inputs",
        f"{_C}/dot/mcucc_blocks.h",
        "for (int32_t i = fours; i < n; i++, s->w += 4) {",
        "for (int32_t i = fours; i + 1 < n; i++, s->w += 4) {",
        (f"{_CONV}[portable]",),
        "Of inputs that are no whole fours the last one is left out.",
    ),
    Mutant(
        "depthwise-border-without-dilation",
        f"{_C}/depthwise/mcucc_depthwise.h",
        "x = &mcucc_depthwise_tap(p, rows, ky, column + (kx * dilation))[c];",
        "x = &mcucc_depthwise_tap(p, rows, ky, column + kx)[c];",
        (f"{_DEPTHWISE}[portable]",),
        "Taps at the border stand side by side whatever the dilation.",
    ),
    Mutant(
        "depthwise-rest-of-channels",
        f"{_C}/depthwise/mcucc_depthwise.h",
        "for (int32_t kx = 0; kx < kw; kx++, tap += p->out_c) {",
        "for (int32_t kx = 0; kx < kw; kx++, tap += p->in_c) {",
        (f"{_DEPTHWISE}[portable]",),
        "With a depth multiplier the weights of the wrong channel are taken.",
    ),
    Mutant(
        "grouped-conv-wrong-group",
        f"{_C}/conv/mcucc_conv_grouped.h",
        "c += group_out, first += group_in) {",
        "c += group_out, first += group_out) {",
        (_GROUPED,),
        "A group of outputs reads another group's inputs where the groups differ in size.",
    ),
    Mutant(
        "grouped-conv-pad-is-not-zero-point",
        f"{_C}/conv/mcucc_conv_grouped.h",
        "return ((x >= 0) && (x < p->in_w)) ? &row[x * p->in_c] : p->pad;",
        "return ((x >= 0) && (x <= p->in_w)) ? &row[x * p->in_c] : p->pad;",
        (_GROUPED,),
        "The first column of padding on the right is read from the next row.",
    ),
    Mutant(
        "average-pool-counts-padding",
        f"{_C}/pool/mcucc_average_pool.h",
        "count += end - begin;",
        "count += kw;",
        (f"{_WINDOW}::test_average_pools",),
        "Columns of padding count as pixels.",
    ),
    Mutant(
        "average-pool-rounds-down",
        f"{_C}/pool/mcucc_average_pool.h",
        "return (sum > 0) ? ((sum + half) / count) : ((sum - half) / count);",
        "return (sum + half) / count;",
        (f"{_WINDOW}::test_average_pools",),
        "Averages below zero are rounded to the other side.",
    ),
    Mutant(
        "max-pool-starts-at-zero",
        f"{_C}/pool/mcucc_max_pool.h",
        "int8_t highest = INT8_MIN;",
        "int8_t highest = 0;",
        ("tests/kernels/test_more_ops_window.py::test_max_pools",),
        "The largest of negative values is 0.",
    ),
    Mutant(
        "row-sums-begin-anew",
        f"{_C}/core/mcucc_sums.h",
        "int32_t sum = is_first ? 0 : sums[i];",
        "int32_t sum = is_first ? sums[i] : 0;",
        ("tests/kernels/test_kernels_reductions.py",),
        "Sums begin anew with every row but the first.",
    ),
    Mutant(
        "add-takes-the-first-factor-twice",
        f"{_C}/elementwise/mcucc_add.h",
        "(sign * mcucc_addend(&p->input[1], b[c]));",
        "(sign * mcucc_addend(&p->input[0], b[c]));",
        (f"{_PIXELS}::test_pixel_kernels[portable]",),
        "The second operand is scaled as the first.",
    ),
    Mutant(
        "gate-moves-with-the-pixels",
        f"{_C}/elementwise/mcucc_mul.h",
        "mcucc_mul_pixel(p, &rows[0][x * p->c], rows[1], out, kind);",
        "mcucc_mul_pixel(p, &rows[0][x * p->c], &rows[1][(x & 1) * p->c], out, kind);",
        (
            "tests/kernels/test_more_ops_elementwise.py::test_products",
            "tests/kernels/test_more_ops_elementwise.py::test_a_gated_map_is_written_over_the_map",
        ),
        "Every other pixel is multiplied by what lies behind the gate.",
    ),
    Mutant(
        "concat-of-the-wrong-pixel",
        f"{_C}/movement/mcucc_concat.h",
        "memcpy(to, &rows[i][x * c], (size_t)c);",
        "memcpy(to, &rows[i][x_begin * c], (size_t)c);",
        ("tests/kernels/test_more_ops_movement.py::test_concatenations",),
        "All pixels of a run are the first one.",
    ),
    Mutant(
        "resize-forgets-where-a-run-begins",
        f"{_C}/resize/mcucc_resize.h",
        "int32_t left = p->columns - (x_begin % p->columns);",
        "int32_t left = p->columns;",
        ("tests/kernels/test_more_ops_rows.py",),
        "A run that begins within a repeated pixel repeats it too often.",
    ),
    Mutant(
        "softmax-needs-one-more-step",
        f"{_C}/softmax/mcucc_softmax.h",
        "for (int32_t i = 0; i < 3; i++) {",
        "for (int32_t i = 0; i < 2; i++) {",
        (f"{_FIXED}::test_softmax_reciprocal",),
        "The reciprocal has half the bits.",
    ),
    Mutant(
        "softmax-highest-skips-the-last",
        f"{_C}/softmax/mcucc_softmax.h",
        "for (int32_t i = 1; i < p->n; i++) {",
        "for (int32_t i = 1; i + 1 < p->n; i++) {",
        (f"{_PIXELS}::test_tensor_kernels",),
        "Where the last element is the highest, the table is read in front of its begin.",
    ),
    Mutant(
        "ring-wraps-late",
        f"{_C}/core/mcucc_ring.h",
        "made->slot = (uint16_t)((slot == ring->rows) ? 0 : slot);",
        "made->slot = (uint16_t)((slot > ring->rows) ? 0 : slot);",
        (_RING,),
        "A row more than is held is written behind the ring.",
    ),
    Mutant(
        "ring-window-without-dilation",
        f"{_C}/core/mcucc_ring.h",
        "const int32_t y = first + (k * dilation);",
        "const int32_t y = first + (k * dilation * dilation);",
        (_RING, "tests/kernels/test_segments.py::test_segments_give_the_bits_of_layers"),
        "Rows under a dilated window are too far apart.",
    ),
    Mutant(
        "general-scale-leaves-32-bits",
        f"{_C}/core/mcucc_requantize.h",
        "return mcucc_clamp(mcucc_rounding_shift(x, down), -limit, limit) + zero;",
        "return mcucc_clamp(mcucc_rounding_shift(x, down), -limit * 2, limit - 1 + limit) + zero;",
        (_LIMITS, _BORDERS),
        "The zero point takes the largest scaled sums out of 32 bits.",
    ),
    Mutant(
        "fast-scale-rounds-negatives-up",
        f"{_C}/core/mcucc_requantize.h",
        "return mcucc_shift_and_add(x + (x >> 31), right, zero);",
        "return mcucc_shift_and_add(x, right, zero);",
        (f"{_FIXED}::test_fast",),
        "Halves below zero go up instead of away from zero.",
    ),
    Mutant(
        "rounding-shift-of-negative-halves",
        f"{_C}/core/mcucc_requantize.h",
        "const int32_t threshold = (mask >> 1) + ((a < 0) ? 1 : 0);",
        "const int32_t threshold = (mask >> 1);",
        (f"{_FIXED}::test_rounding_shift",),
        "The same in the class general.",
    ),
    Mutant(
        "high-word-loses-a-carry",
        f"{_C}/core/mcucc_requantize.h",
        "const int32_t first = (a_high * b_low) + low;",
        "const int32_t first = (a_high * b_low) + (low >> 1);",
        (f"{_FIXED}::test_high_multiply", f"{_FIXED}::test_fast"),
        "A product put together from halves has half of what comes from the low ones.",
    ),
    Mutant(
        "wide-scale-shifts-too-late",
        f"{_C}/core/mcucc_requantize.h",
        "const int32_t shifted = (int32_t)((uint32_t)a << -right);\n"
        "    return mcucc_high_mul_half(shifted * 2, multiplier) + zero;",
        "return (int32_t)((uint32_t)mcucc_high_mul_half(a * 2, multiplier) << -right) + zero;",
        (f"{_FIXED}::test_wide",),
        "A left shift behind the product has zeros where it should have bits.",
    ),
)
