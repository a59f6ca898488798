"""What a steering file takes with a star."""

output_of_the_star = "star.root"


def names_of_the_star(path):
    """Add modules to a path."""
