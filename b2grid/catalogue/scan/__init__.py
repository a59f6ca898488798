"""Rows of a catalogue from ROOT files: what each says of itself, read in parallel, resumed where it was stopped."""

from b2grid.catalogue.scan.reading import Scan, scan_files
from b2grid.catalogue.scan.tree import Progress, joined, scan_tree
from b2grid.catalogue.scan.working import Workers

__all__ = ["Progress", "Scan", "Workers", "joined", "scan_files", "scan_tree"]
