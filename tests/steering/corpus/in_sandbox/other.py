"""Another module that travels with the scripts of the corpus."""
