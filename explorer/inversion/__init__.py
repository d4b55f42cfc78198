"""Ways to find the point of a model for a picture of one's own, one file each."""
