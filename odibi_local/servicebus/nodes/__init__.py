"""What a client can attach to: queues, `$cbs` and `$management`."""
