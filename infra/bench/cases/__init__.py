"""The cases of the bench, one file each."""
