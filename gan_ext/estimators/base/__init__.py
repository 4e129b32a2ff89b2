"""What every estimator shares: checked data, labels, scaling, checkpoints, drawing."""
