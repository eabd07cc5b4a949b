"""A run's figures for monitoring systems, made of `orchestrator.pipeline.live.Live`."""
