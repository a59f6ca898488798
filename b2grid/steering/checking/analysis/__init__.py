"""What it says in the languages of the analysis: variables, cuts, decay strings, lists."""
