"""What a signal-to-noise ratio means for a user, and what would raise it."""

GOOD_DB = 20.0
"""From about here on, rounding rarely changes the decision of a classifier."""

FEW_SAMPLES = 32


def remedy(worst_db: float, *, calibrated: bool, samples: int) -> str:
    """What to try for the worst layer of a network.

    Args:
        worst_db: signal-to-noise ratio of the worst layer.
        calibrated: whether real inputs were used.
        samples: how many.
    """
    if not calibrated:
        return "Calibrate on real inputs: --calib."
    if worst_db >= GOOD_DB:
        return "None needed."
    if samples < FEW_SAMPLES:
        return f"Calibrate on more inputs than {samples}; some hundred are usual."
    return "Try another --observer, or train the network with quantization in mind (QDQ export)."
