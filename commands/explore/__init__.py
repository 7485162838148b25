"""Look at the corpus and try the models: search, a demo page, the view of an alignment."""
