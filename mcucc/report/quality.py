"""What a signal-to-noise ratio means for a user, and what would raise it."""

GOOD_DB = 20.0
"""From about here on, rounding rarely changes the decision of a classifier."""

FEW_SAMPLES = 32


def remedy(worst_db: float | None, *, calibrated: bool, samples: int, doubtful: bool) -> str:
    """What to try for the worst layer of a network.

    Args:
        worst_db: signal-to-noise ratio of the worst layer, None if none was measured.
        calibrated: whether inputs were given.
        samples: how many.
        doubtful: whether they look wrongly prepared.
    """
    if not calibrated:
        return "Calibrate on real inputs: --calib."
    if doubtful:
        return "Prepare the calibration inputs as in training; see the note about them."
    if worst_db is None or (worst_db < GOOD_DB and samples < FEW_SAMPLES):
        return f"Calibrate on more different inputs than these {samples}; some hundred are usual."
    if worst_db < GOOD_DB:
        return (
            "Try another --observer, or train the network with quantization in mind (QDQ export)."
        )
    return (
        "Nothing to mend, if calibration inputs are prepared as in training: decibels cannot tell, "
        "`mcucc evaluate` on labelled inputs can."
    )
