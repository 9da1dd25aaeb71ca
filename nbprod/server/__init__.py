"""The Jupyter server extension: what the panel asks for."""
