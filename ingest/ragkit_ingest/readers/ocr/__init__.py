"""OCR: scanned pages and pictures as lines of text with their place, by RapidOCR (the extra `ocr`)."""
