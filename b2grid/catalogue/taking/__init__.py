"""What a project takes: inputs to files, the runs that are used, what is wrong with them, and advice."""
