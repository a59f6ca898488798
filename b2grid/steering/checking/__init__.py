"""Reading a steering file without running it: what its names mean, and what is wrong with its calls."""
