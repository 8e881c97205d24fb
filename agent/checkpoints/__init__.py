"""What is kept on disk: checkpoints, pretraining, states of headsets, PEFT folders."""
