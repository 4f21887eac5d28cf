"""AMQP 1.0 as a server speaks it: frames, connections, sessions, links. Knows nothing of queues."""
