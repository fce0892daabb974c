"""A build laid out as other people's build systems expect it: a table of packages, and a folder of templates."""
