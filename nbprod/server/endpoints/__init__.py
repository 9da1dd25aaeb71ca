"""What the routes do, by noun: plain functions, called in a thread, that take and give pydantic models."""
