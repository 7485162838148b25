"""Give data and models to others: DVC remote, push with a tag, corpus export, merged models."""
