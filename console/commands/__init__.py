"""The commands, one file a group; console/cli.py puts them together. Heavy imports are inside the
commands: help and completion are quick."""
