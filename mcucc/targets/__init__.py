"""Facts of targets: boards, cores, and what an instruction costs on them."""
