"""Settings of the hardware tests."""


def pytest_configure(config):
    # A component whose parameters are refused is never elaborated.
    config.addinivalue_line("filterwarnings", "ignore::amaranth.hdl.UnusedElaboratable")
