"""Signal filters: one value or one chunk in, what matters out. See ``kinds`` for the contract of all of them."""

from ..interfaces import Filter
from .chain import AnyOf, Chain
from .defaults import default_filters
from .esphome import from_esphome
from .home_assistant import from_home_assistant
from .kinds import GateFilter, Kept, MapFilter, TimedFilter
from .lowpass import ExponentialAverage, Pt1Filter
from .median import MedianFilter
from .one_euro import OneEuroFilter
from .pasted import from_pasted
from .publish import PublishPolicy
from .registry import KINDS, chain_from_list, filter_from_dict, policy_from_dict

__all__ = [
    "KINDS",
    "AnyOf",
    "Chain",
    "ExponentialAverage",
    "Filter",
    "GateFilter",
    "Kept",
    "MapFilter",
    "MedianFilter",
    "OneEuroFilter",
    "Pt1Filter",
    "PublishPolicy",
    "TimedFilter",
    "chain_from_list",
    "default_filters",
    "filter_from_dict",
    "from_esphome",
    "from_home_assistant",
    "from_pasted",
    "policy_from_dict",
]
