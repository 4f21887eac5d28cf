"""Take messages from one queue under a lock, hand them to a function, and complete or abandon them."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azure.servicebus import ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient
from azure.servicebus.exceptions import MessageAlreadySettled, ServiceBusError

from odibi_local.functions_host import datums

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from azure.servicebus import ServiceBusReceivedMessage
    from azure.servicebus.aio import ServiceBusReceiver

    from odibi_local.functions_host.app_index import IndexedFunction
    from odibi_local.functions_host.host_json import ServiceBusOptions
    from odibi_local.functions_host.invocation import Invoker

_DEAD_LETTER_SUFFIX = "/$deadletterqueue"
# How long one receive call waits. Also the longest time that a stop waits for it: a call that is cut off may lose a message's lock.
_RECEIVE_SECONDS = 0.5
# A receive call and a settlement read the same connection in turns of this length, so it bounds how long one keeps the other waiting.
_TURN_SECONDS = 0.03
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0

_SETTLEMENT_ERRORS = (ServiceBusError, MessageAlreadySettled, ValueError)


@dataclass(frozen=True, kw_only=True)
class QueueSource:
    """Where a listener takes its messages from."""

    connection_string: str
    queue: str
    dead_letters: bool

    @classmethod
    def of(cls, *, connection_string: str, queue_name: str) -> QueueSource:
        """Return the source of a trigger's queue name; one that ends in `/$DeadLetterQueue` means the dead letters of that queue."""
        dead = queue_name.lower().endswith(_DEAD_LETTER_SUFFIX)
        queue = queue_name[: -len(_DEAD_LETTER_SUFFIX)] if dead else queue_name
        return cls(connection_string=connection_string, queue=queue, dead_letters=dead)


class ServiceBusListener:
    """
    One listener per function: peek-lock, at most `maxConcurrentCalls` at once, locks renewed, complete on success, abandon on failure.

    Its coroutines run on the listeners' loop; the functions do not.
    """

    def __init__(
        self,
        *,
        function: IndexedFunction,
        source: QueueSource,
        options: ServiceBusOptions,
        invoker: Invoker,
        warn: Callable[[str], None],
    ) -> None:
        self._function = function
        self._source = source
        self._options = options
        self._invoker = invoker
        self._warn = warn
        self._binary = function.trigger.text("dataType").upper() == "BINARY"
        self._batch = function.trigger.text("cardinality").upper() == "MANY"
        completes = function.trigger.properties.get("autoCompleteMessages")
        self._completes = options.auto_complete_messages if completes is None else bool(completes)
        self._tasks: set[asyncio.Task[None]] = set()
        self.opened = asyncio.Event()  # set when the first attempt to open the queue ended, well or not

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop` is set, then wait for the messages in work. A queue that cannot be reached is tried again for ever."""
        pause = _FIRST_PAUSE_SECONDS
        while not stop.is_set():
            try:
                await self._listen(stop)
                pause = _FIRST_PAUSE_SECONDS
            except (ServiceBusError, OSError, ValueError) as error:
                self._warn(f"{self._function.name} cannot receive from '{self._source.queue}': {type(error).__name__}: {error}")
                self.opened.set()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _listen(self, stop: asyncio.Event) -> None:
        client = ServiceBusClient.from_connection_string(self._source.connection_string)
        async with client:
            receiver = client.get_queue_receiver(
                self._source.queue,
                sub_queue=ServiceBusSubQueue.DEAD_LETTER if self._source.dead_letters else None,
                receive_mode=ServiceBusReceiveMode.PEEK_LOCK,
                prefetch_count=self._options.prefetch_count,
                socket_timeout=_TURN_SECONDS,
            )
            # Not closed: closing waits a second, and its renewals end by themselves with their message or with the receiver.
            renewer = AutoLockRenewer()
            async with receiver:
                self.opened.set()
                try:
                    if self._batch:
                        await self._receive_batches(receiver, stop)
                    else:
                        await self._receive_singly(receiver, renewer, stop)
                finally:
                    # The receiver stays open until its messages are settled: on a new link they could not be.
                    if self._tasks:
                        await asyncio.wait(self._tasks)

    async def _receive_singly(self, receiver: ServiceBusReceiver, renewer: AutoLockRenewer, stop: asyncio.Event) -> None:
        free = asyncio.Semaphore(self._options.max_concurrent_calls)
        while not stop.is_set():
            if not await _acquired(free, stop):
                return
            try:
                # One at a time: asked for more, the library waits 0.2 s for a second message before it hands out the first.
                received = await receiver.receive_messages(max_message_count=1, max_wait_time=_RECEIVE_SECONDS)
            except BaseException:
                free.release()
                raise
            if not received:
                free.release()
                continue
            task = asyncio.create_task(self._handle_one(receiver, renewer, received[0]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(lambda _: free.release())

    async def _handle_one(self, receiver: ServiceBusReceiver, renewer: AutoLockRenewer, message: ServiceBusReceivedMessage) -> None:
        renew_for = self._options.max_auto_lock_renewal.total_seconds()
        if renew_for > 0:
            renewer.register(receiver, message, max_lock_renewal_duration=renew_for)
        data, metadata = datums.service_bus_one(message, binary=self._binary)
        outcome = await asyncio.wrap_future(self._invoker.submit(self._function, data, metadata))
        await self._settle(receiver, [message], ok=outcome.ok)

    async def _receive_batches(self, receiver: ServiceBusReceiver, stop: asyncio.Event) -> None:
        while not stop.is_set():
            messages = await receiver.receive_messages(
                max_message_count=self._options.max_message_batch_size, max_wait_time=_RECEIVE_SECONDS
            )
            if not messages:
                continue
            data, metadata = datums.service_bus_many(messages, binary=self._binary)
            outcome = await asyncio.wrap_future(self._invoker.submit(self._function, data, metadata))
            await self._settle(receiver, messages, ok=outcome.ok)

    async def _settle(self, receiver: ServiceBusReceiver, messages: Sequence[ServiceBusReceivedMessage], *, ok: bool) -> None:
        if ok and not self._completes:
            return
        settle = receiver.complete_message if ok else receiver.abandon_message
        answers = await asyncio.gather(*(settle(message) for message in messages), return_exceptions=True)
        for message, answer in zip(messages, answers, strict=True):
            if isinstance(answer, _SETTLEMENT_ERRORS):
                done = "completed" if ok else "abandoned"
                self._warn(f"{self._function.name}: message '{message.message_id}' could not be {done}: {answer}")
            elif isinstance(answer, BaseException):
                raise answer


async def _acquired(free: asyncio.Semaphore, stop: asyncio.Event) -> bool:
    """Wait for a free slot or for the stop; tell whether it was a slot."""
    taking, stopping = asyncio.ensure_future(free.acquire()), asyncio.ensure_future(stop.wait())
    await asyncio.wait({taking, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if taking.done():
        return True
    taking.cancel()
    return False
