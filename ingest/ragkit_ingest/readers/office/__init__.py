"""Office formats: DOCX, PPTX and XLSX."""
