"""Reading mDST files: entries, leaves, what stored objects mean, and particles made of them."""
