"""The asyncio client works as the blocking one does."""

from __future__ import annotations

import asyncio

from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient

from odibi_local.servicebus import EmulatorProcess

QUEUES = {"q": {"LockDuration": "PT5S"}, "s": {"RequiresSession": True}}


def test_the_asyncio_client_does_all_of_it(emulator: EmulatorProcess):
    """Batch, concurrent completion, lock renewal, dead letters and sessions."""
    asyncio.run(_everything(emulator))
    assert [sum(counts.values()) for counts in emulator.queues().values()] == [0, 0]


async def _everything(emulator: EmulatorProcess) -> None:
    async with ServiceBusClient.from_connection_string(emulator.connection_string) as client:
        async with client.get_queue_sender("q") as sender, client.get_queue_receiver("q") as receiver:
            await sender.send_messages([ServiceBusMessage(f"{number}") for number in range(40)])
            got = []
            while len(got) < 40:
                got += await receiver.receive_messages(max_message_count=40, max_wait_time=5)
            async with AutoLockRenewer() as renewer:
                renewer.register(receiver, got[-1], max_lock_renewal_duration=30)
                await asyncio.gather(*[receiver.complete_message(message) for message in got[:-2]])
                await receiver.dead_letter_message(got[-2], reason="why")
                await asyncio.sleep(6)
                await receiver.complete_message(got[-1])
        async with client.get_queue_receiver("q", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead:
            (buried,) = await dead.receive_messages(max_wait_time=5)
            assert buried.dead_letter_reason == "why"
            await dead.complete_message(buried)
        async with client.get_queue_sender("s") as sender:
            await sender.send_messages(ServiceBusMessage("x", session_id="one"))
        async with client.get_queue_receiver("s", session_id="one") as receiver:
            (message,) = await receiver.receive_messages(max_wait_time=5)
            await receiver.session.set_state(b"state")
            assert await receiver.session.get_state() == b"state"
            await receiver.session.set_state(None)
            await receiver.complete_message(message)
