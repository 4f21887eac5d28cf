"""Where commands wait: a queue of this process (`memory`), or Azure Service Bus (`service_bus`). No process has both."""
