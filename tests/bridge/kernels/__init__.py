"""Kernels: the compiled and the plain form are the same functions."""
