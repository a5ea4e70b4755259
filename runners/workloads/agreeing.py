"""Whether two results of one call agree, whatever they are made of."""

import cmath
import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any


def agree(one: Any, other: Any, rtol: float) -> bool:
    """Whether both are equal, numbers within a relative tolerance; NaN equals NaN.

    Looks into lists, tuples, mappings and dataclasses; arrays and frames of numpy and pandas are
    compared whole.
    """
    if one is other:
        return True
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(agree(one[k], other[k], rtol) for k in one)
    if isinstance(one, list | tuple) and type(one) is type(other):
        return len(one) == len(other) and all(
            agree(a, b, rtol) for a, b in zip(one, other, strict=True)
        )
    if dataclasses.is_dataclass(one) and type(one) is type(other) is not type:
        return _dataclasses_agree(one, other, rtol)
    if hasattr(one, "__array__") and hasattr(other, "__array__"):
        return _arrays_agree(one, other, rtol)
    if isinstance(one, float | complex) or isinstance(other, float | complex):
        if one != one and other != other:
            return True
        try:
            return bool(one == other) or cmath.isclose(one, other, rel_tol=rtol)
        except TypeError:  # one of them is not a number
            return False
    return bool(one == other) or bool(one != one and other != other)  # NaN of other types, NaT


def _dataclasses_agree(one: Any, other: Any, rtol: float) -> bool:
    try:
        if one == other:
            return True
    except Exception:  # arrays in it have no one answer to that
        pass
    names = [field.name for field in dataclasses.fields(one) if field.compare]
    return bool(names) and all(
        agree(getattr(one, name), getattr(other, name), rtol) for name in names
    )


def _arrays_agree(one: Any, other: Any, rtol: float) -> bool:
    numpy = importlib.import_module("numpy")  # loaded already by whoever made the arrays
    if type(one) is not type(other) or not _labels_agree(one, other):
        return False
    a, b = numpy.asarray(one), numpy.asarray(other)
    if a.shape != b.shape or a.dtype.kind != b.dtype.kind:
        return False
    if a.dtype.kind == "O":
        return all(x is y or agree(x, y, rtol) for x, y in zip(a.flat, b.flat, strict=True))
    if a.dtype.kind not in "fc":
        return bool(((a == b) | ((a != a) & (b != b))).all())  # NaT is not equal to itself
    return bool(numpy.allclose(a, b, rtol=rtol, atol=0.0, equal_nan=True))


def _labels_agree(one: Any, other: Any) -> bool:
    """Whether frames and series of pandas have the same index and columns."""
    for axis in ("index", "columns"):
        same = getattr(getattr(one, axis, None), "equals", None)
        if same is not None and not same(getattr(other, axis, None)):
            return False
    return True
