"""What all tests share: the folder of trained models."""

import os
from pathlib import Path

import hypothesis
import pytest

# The same examples everywhere, and no deadline: a busy machine is no failure. Examples that fail
# are made smaller, but for who only asks whether there are any.
_SHRINKING = os.environ.get("MCUCC_SHRINK") != "0"
hypothesis.settings.register_profile(
    "mcucc",
    deadline=None,
    derandomize=True,
    phases=[p for p in hypothesis.Phase if _SHRINKING or p is not hypothesis.Phase.shrink],
)
hypothesis.settings.load_profile("mcucc")

_CHECKOUT = Path(__file__).resolve().parents[1]


def _models_folder() -> Path:
    """`MCUCC_MODELS`, or `shared/models` beside the checkout."""
    return Path(os.environ.get("MCUCC_MODELS", _CHECKOUT.parent / "shared" / "models"))


def _complaint() -> str:
    return (
        f"the folder of trained models is missing: {_models_folder()}; "
        "set MCUCC_MODELS to where it is"
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="accept the C that is generated now as the golden one (tests/golden)",
    )


def pytest_report_header() -> str:
    if _models_folder().is_dir():
        return f"models: {_models_folder()}"
    return f"models: NOT TESTED, {_complaint()}"


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The folder of trained models.

    A missing folder skips the test; it fails it under `MCUCC_REQUIRE_MODELS=1`.
    """
    folder = _models_folder()
    if folder.is_dir():
        return folder
    if os.environ.get("MCUCC_REQUIRE_MODELS") == "1":
        pytest.fail(_complaint())
    pytest.skip(_complaint())
