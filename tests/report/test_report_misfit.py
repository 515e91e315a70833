"""Each kind of misfit says need, have and only what is true of that network."""

import dataclasses

import msgspec

from mcucc.report.fit import explain_misfit
from mcucc.report.model import Flash, LiveBuffer, Report
from mcucc.targets.board import Board, Region, list_boards, load_board
from tests.report.reports import conv_net, dense_net, ring_net, unmeasured

BOARD = load_board("nucleo-f446re")


def explained(report: Report, board: Board = BOARD, **changes: object) -> str:
    """The text in one line."""
    text = explain_misfit(msgspec.structs.replace(report, fits=False, **changes), board)
    assert max(len(line) for line in text.splitlines()) <= 80
    return " ".join(text.split())


def test_map_network_names_need_have_peak_and_resolution() -> None:
    text = explained(conv_net(), sram_bytes=12000)
    assert "does not fit --sram 12000 on nucleo-f446re: need 17,600 B (17.2 KiB) of arena" in text
    assert "have 9,952 B (9.7 KiB) (12,000 less 2,048 for the stack)" in text
    assert "step 0, 'conv_1', which needs 17,600 B (17.2 KiB) at once" in text
    assert "12,800 B wide" in text
    assert "4,800 B image" in text
    assert "an input of about 30x30 instead of 40x40" in text  # 11 * 30 * 30 = 9,900 bytes
    assert "fewer channels in the tensors of steps 0 'conv_1', 1 'conv_2':" in text
    assert "flash" not in text.split("What would help")[0]


def test_the_boards_own_memory_is_named_where_no_less_was_allowed() -> None:
    small = Region("sram", "sram", 0x2000_0000, 12000)
    board = dataclasses.replace(BOARD, id="small", regions=(BOARD.flash, small))
    text = explained(conv_net(), board, sram_bytes=12000)
    assert "does not fit the SRAM of small: need 17,600 B (17.2 KiB) of arena" in text
    assert "have 9,952 B (9.7 KiB) (12,000 less 2,048 for the stack)" in text
    assert "--sram" not in text
    assert "--board nucleo-f103rb, the smallest of ours that fits" in text


def test_less_than_the_reserve_leaves_nothing() -> None:
    text = explained(conv_net(), sram_bytes=100)
    assert "have 0 B (100 less 2,048 for the stack)" in text
    assert "missing 17,600 B" in text


def test_segment_is_named_and_its_rings_do_not_shrink_with_the_height() -> None:
    text = explained(ring_net(), sram_bytes=10048)
    assert "step 0, 'conv_1 .. conv_2', which needs 8,968 B (8.8 KiB) at once" in text
    assert "960 B wide" in text
    # image (3 hw) and small (2 hw) shrink with the area, wide (24 w) with the width alone; 8 bytes
    # of counters stay. 37: 3 * 37 * 37 + 3 * 8 * 37 + 8 * 19 * 19 + 8 = 7,891.
    assert "an input of about 37x37 instead of 40x40" in text
    assert "fewer channels in the tensors of step 0 'conv_1 .. conv_2':" in text


def test_a_streamed_input_is_not_held_against_the_budget() -> None:
    report = msgspec.structs.replace(ring_net(), sram_bytes=6048)
    assert "a smaller input" in explained(report)
    assert "a smaller input" not in explained(report, stream_input=True)


def test_a_streamed_input_is_offered_where_it_would_fit() -> None:
    report = msgspec.structs.replace(ring_net(), sram_bytes=10048)
    offer = "--stream-input: with the input handed over row by row the arena is 7,000 B"
    assert offer in explained(report, arena_bytes_streamed_input=7000)
    assert "--stream-input" not in explained(report, arena_bytes_streamed_input=8001)
    assert "--stream-input" not in explained(
        report, arena_bytes_streamed_input=7000, stream_input=True
    )


def test_bytes_that_two_buffers_share_are_told() -> None:
    assert "shared" not in explained(conv_net(), sram_bytes=12000)
    report = conv_net()
    peak = msgspec.structs.replace(report.peak, live_bytes=17000)
    text = explained(report, sram_bytes=12000, peak=peak)
    assert "600 B of these are shared: what the step writes may lie over what it reads" in text


def test_dense_network_has_no_resolution() -> None:
    text = explained(dense_net(), sram_bytes=2748)
    assert "does not fit --sram 2748 on nucleo-f446re: need 768 B of arena have 700 B" in text
    assert "(2,748 less 2,048 for the stack) missing 68 B" in text
    assert "fewer units in the tensors of step 0 'fc_1'" in text
    assert "at the peak 8.9% must go, 68 B" in text
    for word in ("height", "pixels", "channels", "--board"):
        assert word not in text


def test_input_larger_than_the_budget() -> None:
    text = explained(dense_net(), sram_bytes=2548)
    assert "a smaller input; fewer units inside cannot help" in text
    assert "takes 640 B of the arena" in text


def test_output_larger_than_the_budget() -> None:
    report = dense_net()
    output = msgspec.structs.replace(report.outputs[0], bytes=760)
    text = explained(report, sram_bytes=2798, outputs=(output,))
    assert "a smaller output; fewer units inside cannot help" in text


def test_own_budget_is_named_first_where_the_board_has_more() -> None:
    text = explained(conv_net(), sram_bytes=14048)
    remedies = text.split("What would help, the least work first: ")[1].split(" - ")
    assert remedies[0].startswith("- --sram 19648 or more: nucleo-f446re has 131,072 B")
    assert "--board" not in text


def test_flash_misfit_names_weights_code_and_the_largest_layers() -> None:
    flash = Flash(weights_bytes=520000, code_bytes=9288, total_bytes=529288)
    text = explained(dense_net(), flash=flash)
    assert "does not fit the flash of nucleo-f446re" in text
    assert "need 529,288 B (516.9 KiB): weights 520,000, code 9,288" in text
    assert "missing 5,000 B (4.9 KiB)" in text
    assert "5.5% fewer weights, 5,000 B (4.9 KiB): most are in 'fc_1' (82,432 B), 'fc_2'" in text
    assert "SRAM" not in text
    assert "--sram" not in text
    assert "peak" not in text


def test_code_that_is_too_large_is_no_matter_of_weights() -> None:
    flash = Flash(weights_bytes=91000, code_bytes=700000, total_bytes=791000)
    text = explained(dense_net(), flash=flash)
    assert "the code by itself is too large" in text
    assert "fewer weights" not in text


def test_both_memories_are_explained() -> None:
    flash = Flash(weights_bytes=520000, code_bytes=9288, total_bytes=529288)
    text = explained(conv_net(), sram_bytes=12000, flash=flash)
    assert "does not fit --sram" in text
    assert "does not fit the flash" in text


def test_weights_that_are_too_many_need_no_compiler_to_be_seen() -> None:
    """The code is unknown without one, but the weights alone are more than there is."""
    report = unmeasured(dense_net())
    text = explained(report, flash_limit_bytes=90_000)
    assert "need 90,880 B (88.8 KiB): weights alone, the code is unknown" in text
    assert "missing 880 B" in text


def test_the_host_is_no_larger_board() -> None:
    weights = Flash(weights_bytes=1 << 24, code_bytes=9000, total_bytes=(1 << 24) + 9000)
    assert load_board("host").fits(768, (1 << 24) + 9000)
    assert "host" not in explained(dense_net(), flash=weights)


def test_the_board_that_is_named_is_the_smallest_that_fits() -> None:
    flash = Flash(weights_bytes=1500000, code_bytes=9000, total_bytes=1509000)
    text = explained(dense_net(), flash=flash)
    named = load_board(text.split("--board ")[1].split(",")[0])
    fitting = [b for b in list_boards() if b.core.has_thumb and b.fits(768, 1509000)]
    least = min((b.flash.size, b.arena_budget_bytes) for b in fitting)
    assert (named.flash.size, named.arena_budget_bytes) == least
    assert "for its core the size of the code differs" in text


def test_no_board_is_large_enough() -> None:
    flash = Flash(weights_bytes=1 << 24, code_bytes=9000, total_bytes=(1 << 24) + 9000)
    assert "none that comes with mcucc is large enough" in explained(dense_net(), flash=flash)


def test_placement_is_blamed_only_if_the_bound_fits() -> None:
    assert "Placing the buffers better cannot help" in explained(conv_net(), sram_bytes=19000)
    loose = msgspec.structs.replace(conv_net(), arena_lower_bound_bytes=16000)
    text = explained(loose, sram_bytes=19000)
    assert "buffers alone need 16,000 B (15.6 KiB), which would fit" in text
    assert "cannot help" not in text


def test_unknown_flash_is_said_to_be_unknown() -> None:
    board = dataclasses.replace(BOARD, regions=(BOARD.flash, Region("ram", "sram", 0, 12000)))
    text = explained(unmeasured(conv_net()), board, sram_bytes=12000)
    assert "that fits, if the code fits too" in text
    assert "None" not in text


def test_a_misfit_of_a_few_bytes_is_little_and_asks_for_no_other_images() -> None:
    limit = conv_net().arena_bytes - 4
    text = explained(conv_net(), sram_bytes=limit + 2048)
    assert "at the peak under 0.1% must go, 4 B" in text
    assert "instead of 40x40" not in text
    text = explained(conv_net(), sram_bytes=limit * 9 // 10 + 2048)
    assert "instead of 40x40" in text


def test_few_weights_too_many_are_little() -> None:
    flash = Flash(weights_bytes=520000, code_bytes=4290, total_bytes=524290)
    assert "under 0.1% fewer weights, 2 B" in explained(dense_net(), flash=flash)


def test_long_tensor_names_are_shortened() -> None:
    report = conv_net()
    buffers = (LiveBuffer("tensor" * 20, 12800),)
    peak = msgspec.structs.replace(report.peak, buffers=buffers)
    assert ".." in explained(report, sram_bytes=12000, peak=peak)
