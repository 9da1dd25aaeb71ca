"""The worker that stays: one process for each project, which has imported what a command needs and forks a process for each."""
