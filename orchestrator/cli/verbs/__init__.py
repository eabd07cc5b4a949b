"""A verb a file: its arguments, its help, and the module that does it, imported when it is called."""
