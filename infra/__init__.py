"""What stands beside the template: the build, the local cloud, the demo."""
