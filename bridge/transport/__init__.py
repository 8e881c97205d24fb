"""A connection and what keeps it in bounds: messages, rates, queues, doors, TLS."""
