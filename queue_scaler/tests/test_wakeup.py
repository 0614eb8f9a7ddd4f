import asyncio

from queue_scaler.backlog import Backlog
from queue_scaler.loop import end
from queue_scaler.wakeup import Wakeup


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def listen(url, steps):
    """Run `steps(wakeup, woken)` beside a Wakeup; `woken` counts the wake-ups."""

    async def beside():
        woken = []
        backlog = Backlog(url)
        wakeup = Wakeup(backlog, lambda: woken.append(1))
        running = asyncio.create_task(wakeup.run())
        try:
            return await steps(wakeup, woken)
        finally:
            await end([running])
            await backlog.close()

    return asyncio.run(beside())


def listening(broker, *queues):
    return lambda: (
        sorted(broker.pubsub_channels("__keyspace*:?*")) == sorted(f"__keyspace@0__:{name}" for name in queues)
    )


def test_a_push_to_an_idle_queue_wakes_and_other_changes_do_not(broker, redis_url):
    async def steps(wakeup, woken):
        wakeup.listen_to(frozenset({"harbor", "dure"}))
        # for the connection and for each subscription
        await until(lambda: len(woken) == 3)
        broker.lpush("another", "task")
        broker.lpush("harbor", "task")
        await until(lambda: len(woken) == 4)
        broker.rpop("harbor")
        broker.rpush("dure", "task")
        await until(lambda: len(woken) == 5)
        return len(woken)

    assert listen(redis_url, steps) == 5


def test_a_busy_queue_is_no_longer_listened_to(broker, redis_url):
    async def steps(wakeup, woken):
        wakeup.listen_to(frozenset({"harbor", "dure"}))
        await until(listening(broker, "harbor", "dure"))
        wakeup.listen_to(frozenset({"dure"}))
        await until(listening(broker, "dure"))
        wakeup.listen_to(frozenset())
        await until(listening(broker))
        wakeup.listen_to(frozenset({"harbor"}))
        await until(listening(broker, "harbor"))
        woken.clear()
        broker.lpush("harbor", "task")
        await until(lambda: woken)
        return True

    assert listen(redis_url, steps)


def test_a_push_while_the_connection_was_broken_is_looked_for(broker, redis_url):
    async def steps(wakeup, woken):
        wakeup.listen_to(frozenset({"harbor"}))
        await until(lambda: len(woken) == 2)
        with broker.pipeline() as together:
            together.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            together.lpush("harbor", "task")
            together.execute()
        await until(lambda: len(woken) > 2)
        return True

    assert listen(redis_url, steps)


def test_it_listens_again_after_the_connection_broke(broker, redis_url, monkeypatch):
    monkeypatch.setattr("queue_scaler.wakeup.RECONNECT_SECONDS", 0.05)

    async def steps(wakeup, woken):
        wakeup.listen_to(frozenset({"harbor"}))
        await until(listening(broker, "harbor"))
        broker.client_kill_filter(_type="pubsub")
        await until(listening(broker, "harbor"))
        await until(lambda: len(woken) == 4)
        broker.lpush("harbor", "task")
        await until(lambda: len(woken) == 5)
        return True

    assert listen(redis_url, steps)


def test_subscriptions_that_change_while_connections_break_end_nothing(broker, redis_url, monkeypatch):
    monkeypatch.setattr("queue_scaler.wakeup.RECONNECT_SECONDS", 0.002)

    async def steps(wakeup, woken):
        for number in range(500):
            if number % 3 == 0:
                broker.client_kill_filter(_type="pubsub")
            wakeup.listen_to(frozenset({f"queue{number}", "harbor"} if number % 2 else ()))
            await asyncio.sleep(0.001 * (number % 4))
        await until(listening(broker, "queue499", "harbor"))
        woken.clear()
        broker.lpush("harbor", "task")
        await until(lambda: woken)
        return True

    assert listen(redis_url, steps)


def test_a_stop_while_subscriptions_change_is_a_stop_and_no_error(broker, redis_url):
    async def stopped(turns):
        backlog = Backlog(redis_url)
        wakeup = Wakeup(backlog, lambda: None)
        running = asyncio.create_task(wakeup.run())
        wakeup.listen_to(frozenset({"harbor"}))
        await until(listening(broker, "harbor"))
        wakeup.listen_to(frozenset({"dure"}))
        for _ in range(turns):
            await asyncio.sleep(0)
        await end([running])
        await backlog.close()
        return running.cancelled()

    assert all(asyncio.run(stopped(turns)) for turns in range(12))


def test_a_connection_that_went_silent_is_made_anew(broker, redis_url, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr("queue_scaler.wakeup.RECONNECT_SECONDS", 0.05)
    monkeypatch.setattr("queue_scaler.wakeup.LISTEN_SECONDS", 1)

    async def steps(wakeup, woken):
        wakeup.listen_to(frozenset({"harbor"}))
        await until(listening(broker, "harbor"))
        # longer than several silences: a connection that answers is kept
        await asyncio.sleep(2.5)
        assert caplog.messages == []
        broker.client_pause(3000)
        await until(lambda: any("silent for" in text for text in caplog.messages))
        await until(lambda: caplog.messages[-1] == "events of Redis: listening")
        woken.clear()
        broker.lpush("harbor", "task")
        await until(lambda: woken)
        return True

    assert listen(redis_url, steps)
