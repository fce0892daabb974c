"""A build for programs in C++ and Rust: a table of languages, and a folder of templates."""
