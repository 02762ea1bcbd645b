"""Benchmarks: each claim of the README, measured beside its peer in the same run."""
