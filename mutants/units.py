"""Faults in kernels for the DSP extension, Helium and 16-bit Thumb instructions.

And in what is packed for them, and in which layers they take.
"""

from mutants.mutant import Mutant

_C = "runtime_c"
_WINDOW = "tests/kernels/test_kernels_window.py"
_CONV = f"{_WINDOW}::test_convolutions"
_DEPTHWISE = f"{_WINDOW}::test_depthwise_convolutions"
_BORDERS = "tests/kernels/test_borders.py::test_layers_at_borders"
_HELIUM = "tests/kernels/test_kernels_helium.py"
_DSP = "tests/kernels/test_kernels_dsp.py"
_PIXELS = "tests/kernels/test_kernels_pixels.py"
_FALLBACKS = "tests/kernels/test_kernels_fallbacks.py"

MUTANTS = (
    Mutant(
        "dsp-depthwise-pad-steps-back-too-little",
        f"{_C}/depthwise/mcucc_depthwise_dsp.h",
        "pad -= back;",
        "pad -= 0;",
        (f"{_BORDERS}[cortex-m4]",),
        "The last four channels read padding behind its end, on maps one pixel wide.",
    ),
    Mutant(
        "dsp-depthwise-overlap",
        f"{_C}/depthwise/mcucc_depthwise_dsp.h",
        "ch += 4 - back;",
        "ch += 4;",
        (f"{_DEPTHWISE}[cortex-m4]", f"{_BORDERS}[cortex-m4]"),
        "The last four channels are scaled as those behind them.",
    ),
    Mutant(
        "dsp-depthwise-right-border",
        f"{_C}/depthwise/mcucc_depthwise_dsp.h",
        "w = mcucc_lanes_run(sums, pad, 0, kw - taps.end, w);",
        "w = mcucc_lanes_run(sums, pad, 0, kw - taps.end - 1, w);",
        (f"{_DEPTHWISE}[cortex-m4]",),
        "The last column of padding is left out, and the next row's weights are misplaced.",
    ),
    Mutant(
        "dsp-odd-channel-keeps-the-even-sum",
        f"{_C}/dot/mcucc_dot_dsp.h",
        "return (int32_t)((uint32_t)both - (uint32_t)even) >> 8;",
        "return (int32_t)((uint32_t)both - (uint32_t)(even / 2)) >> 8;",
        (f"{_CONV}[cortex-m4]",),
        "The odd channel of a pair has a part of the even one's sum in it.",
    ),
    Mutant(
        "dsp-rest-of-inputs",
        f"{_C}/core/mcucc_dsp.h",
        "    if (count > 2) {\n        word |= (uint32_t)(uint8_t)from[2] << 16;\n    }\n",
        "",
        (f"{_CONV}[cortex-m4]", f"{_PIXELS}::test_pixel_kernels[cortex-m4]"),
        "The third of three inputs that are left over is taken for zero.",
    ),
    Mutant(
        "dsp-panel-second-pair",
        f"{_C}/dot/mcucc_panel_dsp.h",
        "w = ((c & 2) == 0) ? &w[2] : (behind - 2);",
        "w = ((c & 2) == 0) ? &w[2] : behind;",
        (f"{_CONV}[cortex-m4]",),
        "The second four channels of two pixels begin at the wrong weights.",
    ),
    Mutant(
        "dsp-lone-pixel-of-an-odd-row",
        f"{_C}/conv/mcucc_conv_dsp.h",
        "made, panel, end, out, &out[next * out_stride],",
        "made, panel, end, out, &out[out_stride],",
        (f"{_CONV}[cortex-m4]", "tests/schedule/test_macs.py"),
        "The last pixel of an odd row is written a second time behind the row.",
    ),
    Mutant(
        "dsp-patch-without-zeros",
        f"{_C}/conv/mcucc_conv_dsp.h",
        "    if (patch != end) {\n        *patch = 0;\n    }\n",
        "",
        (f"{_CONV}[cortex-m4]",),
        "The third byte behind an odd window is what lay there before.",
        "Words of weights behind the last input hold zeros for the missing inputs (pack_quads pads "
        "with zeros, tests/kernels/test_kernels_dsp.py holds it to that), so whatever byte the "
        "patch holds there is multiplied by zero, in sums that wrap: no output can change.",
    ),
    Mutant(
        "mve-scale-rounds-negatives-up",
        f"{_C}/core/mcucc_requantize_mve.h",
        "return mcucc_vrshl(mcucc_less_sign(mcucc_vqrdmulh(a, multiplier)), shift);",
        "return mcucc_vrshl(mcucc_vqrdmulh(a, multiplier), shift);",
        (f"{_BORDERS}[cortex-m55]", f"{_HELIUM}::test_numbers_of_channels_around_a_vector"),
        "Halves below zero go up instead of away from zero.",
    ),
    Mutant(
        "mve-zero-point-wraps",
        f"{_C}/core/mcucc_requantize_mve.h",
        ": mcucc_vqadd_words(a, output->zero_point);",
        ": mcucc_vadd_words(a, output->zero_point);",
        (f"{_BORDERS}[cortex-m55]",),
        "Sums at the end of 32 bits wrap around when the zero point is added.",
    ),
    Mutant(
        "mve-lanes-in-the-wrong-order",
        f"{_C}/core/mcucc_requantize_mve.h",
        "a[i] = mcucc_vqrdmulh(a[i], mcucc_load_words(&stream[4 * i]));",
        "a[i] = mcucc_vqrdmulh(a[i], mcucc_load_words(&stream[0]));",
        (f"{_DEPTHWISE}[cortex-m55]",),
        "All channels of a vector are scaled as its first four words.",
    ),
    Mutant(
        "mve-more-taps-than-pointers",
        "mcucc/kernels/families/depthwise.py",
        "if window.kh * window.kw > _MOST_TAPS:",
        "if window.kh * window.kw > _MOST_TAPS + 16:",
        (f"{_FALLBACKS}::test_m55_collision",),
        "Helium's kernel gets 65 taps and more, and writes behind its table of pointers.",
    ),
    Mutant(
        "mve-depthwise-takes-minus-128",
        "mcucc/kernels/families/depthwise.py",
        "if int(weights_of(view).min()) == np.iinfo(np.int8).min:",
        "if int(weights_of(view).min()) < np.iinfo(np.int8).min:",
        (f"{_FALLBACKS}::test_m55_collision",),
        "Two products by -128 leave 16 bits.",
    ),
    Mutant(
        "mve-depthwise-even-taps",
        "mcucc/kernels/packing_mve.py",
        "taps = np.pad(weights.reshape(kh * kw, channels), ((0, 1 - kh * kw % 2), (0, 1)))",
        "taps = np.pad(weights.reshape(kh * kw, channels), ((0, kh * kw % 2), (0, 1)))",
        (f"{_HELIUM}::test_numbers_of_channels_around_a_vector",),
        "An even number of taps lacks the zeros for one more.",
    ),
    Mutant(
        "mve-odd-windows-of-a-pair",
        f"{_C}/conv/mcucc_conv_mve.h",
        "const int32_t patch = 16 * ((bytes + 15) / 16);",
        "const int32_t patch = 16 * (bytes / 16);",
        (f"{_CONV}[cortex-m55]",),
        "Windows that are no whole vectors overlap in scratch.",
    ),
    Mutant(
        "mve-add-swaps-a-difference",
        f"{_C}/elementwise/mcucc_add_mve.h",
        "q = run->swapped ? mcucc_vsub_words(y, x) : mcucc_vsub_words(x, y);",
        "q = mcucc_vsub_words(x, y);",
        (f"{_HELIUM}::test_numbers_of_channels_around_a_vector",),
        "A difference whose second scale is the larger one has the wrong sign.",
    ),
    Mutant(
        "thumb1-forgets-the-added-128",
        f"{_C}/dot/mcucc_dot_thumb1.h",
        "const uint32_t excess = 128U * s->inputs;",
        "const uint32_t excess = 127U * s->inputs;",
        (f"{_CONV}[cortex-m0plus]",),
        "What was added to the weights is not taken off in full.",
    ),
    Mutant(
        "thumb1-inputs-of-the-pixel-before",
        f"{_C}/dot/mcucc_dot_thumb1.h",
        "    s->inputs = 0;\n    for (int32_t i = 0; i < 8; i++) {",
        "    for (int32_t i = 0; i < 8; i++) {",
        (f"{_CONV}[cortex-m0plus]",),
        "The sum of the inputs goes on from block to block.",
    ),
    Mutant(
        "dsp-takes-minus-128",
        "mcucc/kernels/families/weighted.py",
        'return Declined(Unit.DSP, "a weight of -128 does not fit beside another")',
        "return None",
        (f"{_DSP}::test_the_smallest_weight_fits_beside_no_other",),
        "256 * -128 and another weight leave 16 bits.",
    ),
    Mutant(
        "dsp-odd-sums-unbounded",
        "mcucc/kernels/families/weighted.py",
        "if largest >= _LARGEST_SUM:",
        "if largest > _LARGEST_SUM:",
        (f"{_DSP}::test_sums_that_share_a_word_are_bounded",),
        "A sum of 2^23 in an odd channel wraps.",
    ),
    Mutant(
        "dsp-lanes-do-not-overlap",
        "mcucc/kernels/packing.py",
        "np.minimum(np.arange(0, channels, at_a_time), channels - at_a_time)",
        "np.arange(0, channels - at_a_time + 1, at_a_time)",
        (f"{_DSP}::test_the_last_lanes_overlap_those_before",),
        "Weights of the last channels are missing.",
    ),
    Mutant(
        "dsp-bias-of-an-odd-channel",
        "mcucc/kernels/packing.py",
        "paired[1::2] = 256 * biases[1::2] + biases[: len(biases) // 2 * 2 : 2]",
        "paired[1::2] = 256 * biases[1::2]",
        (f"{_DSP}::test_biases_of_odd_channels_hold_both",),
        "The even channel's bias is taken off the odd one's sum though it was never in it.",
    ),
    Mutant(
        "executed-macs-forget-the-overlap",
        "mcucc/kernels/kernel.py",
        "channels += -channels % 4",
        "channels += 0",
        ("tests/schedule/test_macs.py",),
        "Channels that are made twice count once.",
    ),
)
