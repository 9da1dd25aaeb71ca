"""What the author wrote: cells and tags, data flow, pipeline, diagnostics. Knows nothing of execution."""
