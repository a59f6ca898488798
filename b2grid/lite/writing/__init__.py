"""What is written: trees, tables, histograms."""
