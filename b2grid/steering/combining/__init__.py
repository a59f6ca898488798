"""Combining steering files: one program that runs several in a single pass over the input."""
