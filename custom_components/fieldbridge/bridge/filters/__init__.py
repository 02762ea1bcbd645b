"""Signal filters: one value or one chunk in, what matters out. See ``kinds`` for the contract of all of them."""

from ..interfaces import Filter
from .lowpass import ExponentialAverage, Pt1Filter
from .median import MedianFilter
from .one_euro import OneEuroFilter

__all__ = ["ExponentialAverage", "Filter", "MedianFilter", "OneEuroFilter", "Pt1Filter"]
