"""The learner, its process, and the federated round, with and without a clock."""
