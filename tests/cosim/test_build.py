"""A build is made anew when the RTL does something else, and not when it says something else."""

from yoso_hw.params import ChipParams
from yoso_sim.build import build_key, code_of

SOURCE = '''
"""A block."""


class Block:
    """Holds a word."""

    width = 8  # bits

    def put(self):
        """Takes a word."""
        return self.width
'''


def test_words_about_the_rtl_change_no_build():
    reworded = SOURCE.replace("A block", "One block").replace("# bits", "").replace("Takes a", "Gets a")
    assert code_of(SOURCE.replace('    """Holds a word."""\n', "")) == code_of(reworded) == code_of(SOURCE)


def test_other_rtl_is_another_build():
    assert code_of(SOURCE.replace("8", "9")) != code_of(SOURCE)
    assert code_of(SOURCE.replace("self.width", "self.width + 1")) != code_of(SOURCE)
    assert code_of(SOURCE.replace("self.width", '"a word"')) != code_of(SOURCE.replace("self.width", '"no"'))


def test_every_parameter_is_in_the_name():
    keys = {build_key(params) for params in (ChipParams(), ChipParams(lanes=2), ChipParams(banked=True))}
    assert len(keys | {build_key(ChipParams(), waves=True)}) == 4
