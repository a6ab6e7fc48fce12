"""Cards as pictures, and the sample cards that other tests draw too."""
