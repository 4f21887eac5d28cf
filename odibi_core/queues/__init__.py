"""Where commands wait: a queue of this process, and Azure Service Bus."""

from odibi_core.queues.memory import MemoryQueue
from odibi_core.queues.service_bus import ServiceBusQueue

__all__ = ["MemoryQueue", "ServiceBusQueue"]
