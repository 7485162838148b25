"""Train LoRA adapters of one model on the training pairs, one for each seed.

Reads data/splits/train.parquet and dev.parquet; the model, its recipe and the seeds come from params.yaml.
Each epoch is scored on dev, which chooses the epoch and the adapter's strength. Writes models/<model>: a
folder seed-<n> for each adapter, with its model card, and training.json with the learning curves.
"""
