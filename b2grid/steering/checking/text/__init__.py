"""From a text to a tree: syntax, Python 2, quotes that are lost, notebooks that hide a magic."""
