"""Print the page of the documentation: ``python -m b2grid.steering.findings > docs/findings.md``."""

from b2grid.steering.findings import page

print(page(), end="")
