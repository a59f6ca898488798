"""Whether a site works: one worker, what it can see, and a job of one event, step by step."""

from b2grid.execution.sitecheck.report import SiteCheck, Step
from b2grid.execution.sitecheck.steps import check_site

__all__ = ["SiteCheck", "Step", "check_site"]
