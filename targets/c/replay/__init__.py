"""Golden data of a build, and the program that replays it on a device."""
