"""Which generated particle is which reconstructed one, what differs, and the generated decay itself."""
