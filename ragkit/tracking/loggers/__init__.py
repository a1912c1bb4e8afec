"""Other places that keep runs: MLflow and Weights & Biases, behind one protocol."""
