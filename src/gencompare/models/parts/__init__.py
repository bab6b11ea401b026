"""What several model families share, and those who train and sample them."""
