"""Questions into hits: candidates, features, fusion, feedback, diversity and passages."""
