"""Rows of a catalogue from what a site or a user has: lists of paths, tables, and the text of the gb2 tools."""

from b2grid.catalogue.sources.content import Content
from b2grid.catalogue.sources.gb2 import read_gb2
from b2grid.catalogue.sources.lists import read_list
from b2grid.catalogue.sources.tables import read_table

__all__ = ["Content", "read_gb2", "read_list", "read_table"]
