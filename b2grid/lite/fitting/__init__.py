"""Fits of vertices and masses: least squares under constraints, for all candidates of a list at once."""
