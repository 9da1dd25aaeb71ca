"""What runs inside the user's kernel: standard library only, loaded from its files by `boot.py` under no visible name."""
