"""Channels: decay chains that fill the trees of an ntuple, written as a steering file or taken from one."""

from __future__ import annotations

from b2grid.planning.channels.channel import Channel
from b2grid.planning.channels.ntuple import Ntuple

__all__ = ["Channel", "Ntuple"]
