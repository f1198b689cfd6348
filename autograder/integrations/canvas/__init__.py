"""Canvas: downloads of submissions, and its gradebook."""
