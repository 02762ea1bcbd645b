"""Bytes to messages, without input or output: framing, checks, decoders."""
