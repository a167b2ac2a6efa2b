"""What a conversion needs to know: where a grid lies, what its numbers mean, and whose it is."""
