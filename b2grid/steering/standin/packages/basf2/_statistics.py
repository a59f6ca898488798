"""basf2's ``statistics``: what the runtime measured, once it has run."""

from b2grid.steering.standin.session import session as _session
from b2grid.steering.standin.statistics import StatisticCounters


class _ProcessStatistics:
    """How often modules were called, and how long they took."""

    INIT = StatisticCounters.INIT
    BEGIN_RUN = StatisticCounters.BEGIN_RUN
    EVENT = StatisticCounters.EVENT
    END_RUN = StatisticCounters.END_RUN
    TERM = StatisticCounters.TERM
    TOTAL = StatisticCounters.TOTAL

    def _kept(self):
        if _session.statistics is None and not _session.recording:
            _session.log.error("there are no statistics yet: they come with process()")
        return _session.statistics

    @property
    def modules(self):
        """The statistics of each module, in the order of the path."""
        kept = self._kept()
        return [] if kept is None else list(kept.modules)

    def get(self, module):
        """The statistics of one module."""
        kept = self._kept()
        return None if kept is None else kept.of(module)

    def get_global(self):
        """The statistics of the whole run."""
        kept = self._kept()
        return None if kept is None else kept.total

    def set_name(self, module, name):
        """Name a module for the statistics."""
        module.set_name(name)

    def clear(self):
        """Count from zero again."""
        if (kept := self._kept()) is not None:
            kept.clear()

    def __call__(self, modules=None, counter=None):
        # a counter alone may come first
        if isinstance(modules, StatisticCounters):
            modules, counter = None, modules
        if (kept := self._kept()) is None:
            return ""
        chosen = None if modules is None else [kept.of(module) for module in modules]
        if counter is None:
            counter = StatisticCounters.EVENT if modules is None else StatisticCounters.TOTAL
        return kept.table(counter, chosen)

    def __str__(self):
        return self()


statistics = _ProcessStatistics()
