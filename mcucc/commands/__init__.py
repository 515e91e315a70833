"""Commands that build, run and measure compiled networks."""
