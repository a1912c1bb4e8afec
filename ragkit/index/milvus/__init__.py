"""Both search indexes in Milvus: its rows propose chunks, whose stored vectors and terms ragkit scores exactly."""
