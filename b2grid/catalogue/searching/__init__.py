"""Finding data: terms to SQL, what is asked of the tables, and what there is to say about an answer."""
