"""What answers requests in a service that nbprod generated; copied into each one as `nbprod_serving`.

`front` stands before BentoML's application and answers what it knows by itself; `worker` serves it in a process, and
`supervisor` keeps such processes. nbprod itself is not needed.
"""
