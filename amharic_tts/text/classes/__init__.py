"""The classes of written things, one family a file: how each is found, and how it is read."""
