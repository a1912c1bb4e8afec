"""Routes in the formats of other programs: rerankers, Dify, Open WebUI."""
