"""What runs inside a user's kernel: standard library only. The contract is in docs/architecture.md."""
