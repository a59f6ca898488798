"""Combining lists into candidates, within every event of a chunk."""
