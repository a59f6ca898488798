"""Print the page of the documentation about releases."""

from b2grid.steering.facts.page import page

print(page(), end="")
