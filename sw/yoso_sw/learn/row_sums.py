"""Rows of a table added up in vector registers: what the kernels of spike times spend their time on.

As loops these sums go through memory, since a compiler cannot tell that the sum is none of the rows, and take
four to five times as long. Here a row is one LLVM vector, which LLVM cuts to what the processor has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import errors
from numba.extending import intrinsic

LINE = 64  # bytes of a cache line


@njit(cache=True)
def aligned(size, kind):  # type: ignore[no-untyped-def]
    """An array of `size` numbers of type `kind`, none of them set, at the beginning of a cache line.

    A vector that lies across two lines costs as much as two.
    """
    whole = np.empty(size + LINE, kind)
    first = -whole.ctypes.data % LINE // whole.itemsize
    return whole[first : first + size]


def _check(rows: Any, which: Any, one: Any, width: Any) -> None:
    """Arrays that lie as the vectors expect them, and a width that the compiler knows."""
    for array, dimensions in ((rows, 2), (which, 1), (one, 1)):
        if not isinstance(array, types.Array) or array.layout != "C" or array.ndim != dimensions:
            raise errors.TypingError(f"{array} is no contiguous array of {dimensions} dimensions")
    if rows.dtype != one.dtype or not isinstance(rows.dtype, types.Float):
        raise errors.TypingError(f"{rows.dtype} and {one.dtype} are not one type of float")
    if which.dtype not in (types.int32, types.uint32):
        raise errors.TypingError(f"{which.dtype} is no index of 32 bits")
    if not isinstance(width, types.IntegerLiteral):
        raise errors.TypingError("the width of the rows is no literal number")


class _Rows:
    """The row of each of which[first:stop] as a vector: the loop that both functions share."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        kinds = signature.args
        self.builder = builder
        self.width = kinds[5].literal_value
        element = context.get_value_type(kinds[0].dtype)
        self.vector = ir.VectorType(element, self.width)
        self.align = kinds[0].dtype.bitwidth // 8
        self.rows, self.which, self.one = (
            context.make_array(kinds[i])(context, builder, arguments[i]).data for i in (0, 1, 4)
        )
        self.stride: Any = ir.Constant(ir.IntType(64), self.width)
        self.first, self.stop = (context.cast(builder, arguments[i], kinds[i], types.int64) for i in (2, 3))

    def load(self, place: Any) -> Any:
        value = self.builder.load(self.builder.bitcast(place, self.vector.as_pointer()))
        value.align = self.align
        return value

    def store(self, value: Any, place: Any) -> None:
        self.builder.store(value, self.builder.bitcast(place, self.vector.as_pointer())).align = self.align

    def each(self, carried: Any, body: Callable[[Any, Any, Any], Any]) -> Any:
        """`carried` after carried = body(carried, place of the row, k) for each row."""
        builder, index = self.builder, ir.IntType(64)
        before = builder.block
        head, inside, after = (builder.append_basic_block(name) for name in ("rows", "row", "done"))
        builder.branch(head)
        builder.position_at_end(head)
        k = builder.phi(index)
        k.add_incoming(self.first, before)
        value = builder.phi(self.vector)
        value.add_incoming(carried, before)
        builder.cbranch(builder.icmp_signed("<", k, self.stop), inside, after)
        builder.position_at_end(inside)
        row = builder.zext(builder.load(builder.gep(self.which, [k])), index)
        value.add_incoming(body(value, builder.gep(self.rows, [builder.mul(row, self.stride)]), k), inside)
        k.add_incoming(builder.add(k, ir.Constant(index, 1)), inside)
        builder.branch(head)
        builder.position_at_end(after)
        return value


@intrinsic(prefer_literal=True)
def sum_rows(typing: Any, rows: Any, which: Any, first: Any, stop: Any, out: Any, width: Any) -> Any:
    """Within a kernel: out[:] = the sum of rows[which[k]], first <= k < stop; 0 if there are none.

    Parameters
    ----------
    rows
        (n, width), float32 or float64.
    which
        Indices of rows, 32 bits, not negative; they are not checked.
    out
        (width,), of the rows' type.
    width
        A constant.
    """
    _check(rows, which, out, width)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table = _Rows(context, builder, signature, arguments)
        total = table.each(
            ir.Constant(table.vector, [0.0] * table.width),
            lambda total, row, _: builder.fadd(total, table.load(row)),
        )
        table.store(total, table.one)
        return context.get_dummy_value()

    return types.void(rows, which, first, stop, out, width), generate


@intrinsic(prefer_literal=True)
def sum_weighted_rows(
    typing: Any, rows: Any, which: Any, first: Any, stop: Any, out: Any, width: Any, by: Any, column: Any
) -> Any:
    """Within a kernel: out[:] = the sum of by[k] * rows[which[k], column : column + width].

    Rows may be longer than `width`. `by` is of their type, as long as `which`; all else is as of `sum_rows`.
    """
    _check(rows, which, out, width)
    _check(rows, which, by, width)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table = _Rows(context, builder, signature, arguments)
        weights = context.make_array(signature.args[6])(context, builder, arguments[6]).data
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        table.stride = builder.extract_value(array.shape, 1)
        table.rows = builder.gep(
            table.rows, [context.cast(builder, arguments[7], signature.args[7], types.int64)]
        )
        nothing = ir.Constant(table.vector, [0.0] * table.width)
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), table.width), [0] * table.width)

        def add(total: Any, row: Any, k: Any) -> Any:
            weight = builder.load(builder.gep(weights, [k]))
            first = builder.insert_element(nothing, weight, ir.Constant(ir.IntType(32), 0))
            product = builder.fmul(table.load(row), builder.shuffle_vector(first, nothing, lanes))
            return builder.fadd(total, product)

        table.store(table.each(nothing, add), table.one)
        return context.get_dummy_value()

    return types.void(rows, which, first, stop, out, width, by, column), generate


@intrinsic(prefer_literal=True)
def add_to_rows(typing: Any, rows: Any, which: Any, first: Any, stop: Any, step: Any, width: Any) -> Any:
    """Within a kernel: rows[which[k]] += step, first <= k < stop; arguments as of `sum_rows`."""
    _check(rows, which, step, width)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table = _Rows(context, builder, signature, arguments)

        def add(step: Any, row: Any, _: Any) -> Any:
            table.store(builder.fadd(table.load(row), step), row)
            return step

        table.each(table.load(table.one), add)
        return context.get_dummy_value()

    return types.void(rows, which, first, stop, step, width), generate
