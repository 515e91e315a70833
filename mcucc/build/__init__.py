"""From generated C to programs, libraries and sizes: the compilers are called here."""
