"""What runs a pipeline: task notebooks, DAG, kernels, artifacts, cache, records, report."""
