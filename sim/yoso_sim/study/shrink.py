"""Makes a case that shows something small: fewer runs, layers and images, smaller numbers, simpler kinds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from yoso_sim.study.cases import IMAGES, WEIGHTS, Case


def shrink(case: Case, differs: Callable[[Case], bool]) -> Case:
    """The smallest case found, on the same chip, that `differs`, as `case` does.

    `differs` is asked of cases that the chip need not be able to hold.
    """
    tree = json.loads(case.to_json())
    chip = {"chip": tree.pop("chip")}

    def still(tree: Any) -> bool:
        try:
            return differs(Case.from_json(json.dumps({**chip, **tree})))
        except ValueError:
            return False  # no case, or one that no chip can hold

    before = None
    while tree != before:  # what was needed once may be spared now
        before, tree = tree, _smaller(tree, still)
    return Case.from_json(json.dumps({**chip, **tree}))


def _smaller(value: Any, still: Callable[[Any], bool]) -> Any:
    """`value` with each of its parts as small as `still` holds."""
    if isinstance(value, list):
        for i in reversed(range(len(value))):
            if still(rest := value[:i] + value[i + 1 :]):
                value = rest
    if isinstance(value, list | dict):
        for key in range(len(value)) if isinstance(value, list) else value:
            value = _with_smaller(value, key, still)
        return value
    while (simpler := next(filter(still, _simpler(value)), None)) is not None:
        value = simpler
    return value


def _with_smaller(whole: Any, key: Any, still: Callable[[Any], bool]) -> Any:
    """`whole` with its part `key` as small as `still` holds."""

    def put(part: Any) -> Any:
        copy = whole.copy()
        copy[key] = part
        return copy

    return put(_smaller(whole[key], lambda part: still(put(part))))


def _simpler(value: bool | int | str | None) -> Iterator[Any]:
    """The simplest first; the last of a number is one less."""
    if isinstance(value, str):
        for kinds in (WEIGHTS, IMAGES):
            yield from kinds[: kinds.index(value)] if value in kinds else ()
    elif value is True:
        yield False
    elif value is None:
        return
    else:
        yield from range(min(value, 2))
        yield from (value - (value >> halvings) for halvings in range(1, value.bit_length()))
