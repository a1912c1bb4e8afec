"""What listings of several routes share: where their pages ended, and times as numbers."""
