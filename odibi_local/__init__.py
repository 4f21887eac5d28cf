"""The cloud on a laptop: a Functions host, a Service Bus emulator, Azurite and an event source. Never deployed."""
