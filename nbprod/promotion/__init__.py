"""From a finished run to a service: gate, capture, package, parity, serve."""
