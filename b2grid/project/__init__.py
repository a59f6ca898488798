"""A project: one object, one verb per step.

Making one checks the names, reads the steering and the sandbox, and finds the inputs; nothing is written. The trial
and the plan are stored with the draft, so that they outlive the notebook, and a draft is replaced when a project of
its name is made with other content. What has been submitted is never replaced.

A project passes through the modules here in their order: `identity`, `preparing`, `running`, `reporting`, `asking`,
`returned`; each adds the verbs of one step to those before, and `facade` puts the whole together.
"""

from b2grid.home import home
from b2grid.project.facade import Project
from b2grid.project.listing import panel, projects

__all__ = ["Project", "home", "panel", "projects"]
