"""Settings of all tests."""

import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

# Where the developer's own results go is nothing to the tests, nor to the programs that they start.
os.environ.pop("YOSO_OUTPUT", None)

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would every program of theirs
# that is to be interrupted.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Runs of tests are short: a chip that compiles soon is worth more than one that simulates fast.
os.environ.setdefault("YOSO_QUICK_BUILDS", "1")  # `yoso_sim.build.QUICK_VARIABLE`

# A busy machine must not turn a slow example into a failure, nor luck a run into another: the examples follow
# from the test's name and source. HYPOTHESIS_PROFILE=explore draws new ones.
settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.register_profile("explore", settings.get_profile("repeatable"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# Nor from what else runs: hypothesis would also draw constants of the modules that happen to be loaded.
providers._get_local_constants = Constants


@pytest.fixture(autouse=True)
def torch_draws_the_same():
    """Nor from which tests ran before: the first weights of modules come from torch's generator."""
    if "torch" in sys.modules:  # it takes a second to import, and few tests need it
        sys.modules["torch"].manual_seed(1)
