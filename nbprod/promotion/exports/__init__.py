"""A model version as something that others can deploy: an image, manifests, a stack with monitoring, a model file."""
