"""Queues, locks and messages, in memory and on disk. Knows nothing of AMQP links."""
