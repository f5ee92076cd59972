"""The names of the permissions of training."""

KEEP_TRAINING = "training.keep_training"
SEE_TRAINING = "training.see_training"
