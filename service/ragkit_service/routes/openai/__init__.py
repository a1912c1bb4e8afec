"""The routes that clients of OpenAI's API call; a collection is a model, `ragkit/NAME`, and a vector store."""
