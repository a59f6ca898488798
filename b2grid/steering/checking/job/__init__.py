"""What a job would miss: files, modules, arguments, inputs, outputs, the one process."""
