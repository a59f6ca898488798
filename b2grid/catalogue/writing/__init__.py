"""Making, adding to and proving a catalogue."""
