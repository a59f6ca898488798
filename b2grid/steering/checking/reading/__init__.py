"""What a script means without running it: names, values, what is reached and in which order, paths."""
