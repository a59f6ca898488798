"""A module that travels with the scripts of the corpus."""

things = ["p", "E"]
