"""From samples to what the model reads: tokens, batches, normalisation, augmentation."""
