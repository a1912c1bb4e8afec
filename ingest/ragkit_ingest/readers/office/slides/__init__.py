"""PowerPoint slides: shapes with their places, texts and tables."""
