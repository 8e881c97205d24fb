"""The M3T foundation model: backbone, heads, low-rank adapters, KV cache."""
