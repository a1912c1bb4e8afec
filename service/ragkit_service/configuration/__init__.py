"""Where settings come from: flags of the command line, then RAGKIT_* variables, then the file ragkit.toml."""
