"""Readers of structured data as text: JSON, notebooks, subtitles, XML, YAML and TOML."""
