"""One seeded history: a random graph, some events, an unkind world, the production coordinator; then every promise is checked."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from odibi_core.config import NodeConfig
from odibi_core.errors import ConfigError, OdibiError, TransientServiceError
from odibi_core.events import NodeFinished, outcome_status
from odibi_core.messages import BlobArrived, FileVersion, FinishRun, RunNode, StartRun, digest, parse_command
from odibi_core.patterns import Made, PatternContext, pattern
from odibi_core.patterns.contract import TargetParams
from odibi_core.planning.plan import Plan, PlannedNode, PlannedTarget, RetryPolicy
from odibi_core.ports import ReportBatch
from odibi_core.runtime.compute import Computer
from odibi_core.runtime.coordinator import Coordinator
from odibi_core.runtime.datasets import StagedFrames
from odibi_core.runtime.journal import Journal
from odibi_core.runtime.ledger import FileLedger
from odibi_core.runtime.node_run import NodeRunner
from odibi_core.runtime.outbox import Outbox, ReportKind
from odibi_core.runtime.retry import delay_in_outage, error_record
from odibi_core.runtime.sweep import sweep
from odibi_core.runtime.watermark import Watermarks
from tests.simulation.engine import KILLS, Lake, Rows, SimConnections, SimEngine
from tests.simulation.world import Faults, Message, SimQueue, SimStore, Worker, World, run_scheduler, settle

MAX_DELIVERIES = 10
PIPELINE = "p"
FOLLOWER = "q"  # runs when a node of the other pipeline has written, where the profile says so


@dataclass
class Parts:
    """The classes under test; a mutant puts a broken one in."""

    journal: type[Journal] = Journal
    coordinator: type[Coordinator] = Coordinator
    watermarks: type[Watermarks] = Watermarks
    outbox: type[Outbox] = Outbox
    ledger: type[FileLedger] = FileLedger
    run_id: Callable[[StartRun], str] | None = None
    settle_first: bool = False
    dead_letter_handler: bool = True
    rules: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """A kind of history: which graphs, how unkind, how busy."""

    faults: Faults = field(default_factory=Faults)
    graph: Callable[[random.Random], list[Spec]] | None = None  # None: any graph
    refusals: float = 0.02
    growth: float = 0.2  # the chance that the source grows when a message is taken
    at_once: bool = False  # every event arrives before anything runs
    events: tuple[int, int] = (1, 3)  # how many files arrive
    chained: bool = False  # whether another pipeline follows what is written


@dataclass
class Spec:
    """A node of the random graph."""

    name: str
    kind: str  # ingest | stateful | follow | copies: the source as it is | adds: a pattern that adds what it reads to what its target holds
    upstream: tuple[str, ...]
    mode: str | None  # append | overwrite | None: writes nothing

    def config(self) -> dict[str, object]:
        config: dict[str, object] = {"name": self.name, "depends_on": list(self.upstream)}
        if self.kind == "copies":
            config["read"] = {"connection": "lake", "format": "delta", "path": "source"}
        elif self.kind in ("ingest", "adds"):
            config["read"] = {"connection": "lake", "format": "csv", "path": "in/*.csv"}
        elif self.kind == "stateful":
            config["read"] = {
                "connection": "lake",
                "format": "delta",
                "path": "source",
                "incremental": {"mode": "stateful", "column": "value"},
            }
        if self.kind == "adds":
            config |= {"transformer": "sim_add", "params": {"target": f"lake.p_{self.name}"}}
        if self.mode is not None:
            config["write"] = {"connection": "lake", "format": "delta", "path": f"t_{self.name}", "mode": self.mode}
        elif self.kind == "follow":
            config["transform"] = {"steps": [{"function": "unused"}]}
        return config

    def targets(self) -> dict[str, PlannedTarget]:
        target = PlannedTarget(role="target", use="replace", connection="lake", path=f"p_{self.name}", is_output=True)
        return {"transformer.target": target} if self.kind == "adds" else {}


@pattern("sim_add", TargetParams)
def sim_add(frame: Rows, params: TargetParams, context: PatternContext) -> Made:
    """Add the rows to those that are there: applying it twice shows."""
    table = (context.present or ()) + frame
    return Made(output=table, table=table)


class History:
    """Builds a world from a seed, lets it run, checks it."""

    def __init__(self, seed: int, *, sweeper: bool, parts: Parts | None = None, profile: Profile | None = None) -> None:
        self.rng = random.Random(seed)
        self.parts = parts or Parts()
        self.sweeper = sweeper
        self.profile = profile or PROFILES["mixed"]
        self.world = World(rng=self.rng, faults=self.profile.faults)
        self.lake = Lake(world=self.world, refusals=self.profile.refusals)
        for rule, value in self.parts.rules.items():
            setattr(self.lake.rules, rule, value)
        self.specs = (self.profile.graph or random_graph)(self.rng)
        self.follower = Spec("after", "copies", (), "append")
        self.configs = {spec.name: _config(spec) for spec in (*self.specs, self.follower)}
        self.catalog: Counter[str] = Counter()
        self.catalog_sequence = 0
        self.stories: Counter[str] = Counter()
        self.outcomes_seen: dict[str, bytes] = {}
        self.commands: list[StartRun] = []
        self.pending_events: list[StartRun] = []
        self.sweeps_left = 60
        self._events()

    def _events(self) -> None:
        for number in range(self.rng.randint(*self.profile.events)):
            file = FileVersion(connection="lake", path=f"in/{number}.csv", etag="1", size_bytes=1)
            rows = tuple(1000 * (number + 1) + row for row in range(self.rng.randint(1, 3)))
            self.lake.files[f"{file.path}@{file.etag}"] = rows
            if self.rng.random() < 0.12:
                self.lake.broken[file.path] = self.rng.choice((KILLS, -1, 1, 2, 7))
            self.commands.append(StartRun(project="s", pipeline=PIPELINE, cause=BlobArrived(files=(file,))))
        self.lake.source.extend(range(1, 4))
        for command in self.commands:
            self.pending_events.extend([command] * self.rng.choice((1, 1, 2, 3)))
        self.rng.shuffle(self.pending_events)

    # ── a process ──

    def process(self) -> Coordinator:
        """Every worker is a process of its own: nothing is shared but the world."""
        store, world = SimStore(self.world), self.world
        journal = self.parts.journal(store)
        reports = {"catalog": ReportKind(report=self._catalog, together=True), "story": ReportKind(report=self._story)}
        engine = SimEngine(self.lake)
        runner = NodeRunner(
            computer=Computer(
                engine=engine,
                shelf=StagedFrames(engine, lambda path: SimConnections().locate("system", path)),
                journal=journal,
                configuration=lambda _plan, node: self.configs[node.name],
                connections=lambda _plan: SimConnections(),
                secret=lambda name: name,
            ),
            watermarks=self.parts.watermarks(store, has_ended=lambda run, node: journal.outcome(run, node) is not None),
            clock=world.clock,
            pause=lambda _seconds: None,
        )
        return self.parts.coordinator(
            journal=journal,
            ledger=self.parts.ledger(store),
            outbox=self.parts.outbox(store, journal, reports, world.clock),
            queue=SimQueue(world),
            planner=self._plan,
            execute=runner,
            clock=world.clock,
        )

    def _plan(self, command: StartRun) -> Plan:
        if command.pipeline == FOLLOWER and self.sweeper and not self.world.calm and self.rng.random() < 0.3:
            raise ConfigError("the follower is being changed")
        specs = self.specs if command.pipeline == PIPELINE else [self.follower]
        files = command.cause.files if isinstance(command.cause, BlobArrived) else ()
        kept = {upstream for spec in self.specs if spec.kind == "follow" for upstream in spec.upstream[:1]}
        run_id = command.run_id if self.parts.run_id is None else self.parts.run_id(command)
        return Plan(
            run_id=run_id,
            project=command.project,
            pipeline=command.pipeline,
            cause=command.cause,
            logical_time=self.world.clock(),
            planned_at=self.world.clock(),
            nodes=tuple(
                PlannedNode(
                    name=spec.name,
                    upstream=spec.upstream,
                    frames=spec.upstream[:1] if spec.kind == "follow" else (),
                    config=spec.config(),
                    files=files if spec.kind in ("ingest", "adds") else None,
                    targets=spec.targets(),
                    keep_frame=spec.name in kept,
                    retry=RetryPolicy(max_attempts=4),
                )
                for spec in specs
            ),
            followers={spec.name: (FOLLOWER,) for spec in specs} if self.profile.chained and command.pipeline == PIPELINE else {},
            facts=(),
            connections={},
            max_sample_rows=0,
            fingerprint="f",
        )

    def _catalog(self, batch: ReportBatch) -> None:
        def apply() -> None:
            if batch.sequence <= self.catalog_sequence:
                return
            self.catalog_sequence = batch.sequence
            self.catalog.update(events[0].run_id for events in batch.runs)

        self.world.effect(apply)

    def _story(self, batch: ReportBatch) -> None:
        self.world.effect(lambda: self.stories.update(events[0].run_id for events in batch.runs))

    # ── handlers, as a host has them ──

    def handle_event(self, command: StartRun) -> None:
        self.process().start_run(command)

    def handle_message(self, message: Message) -> None:
        if self.parts.settle_first:
            settle(self.world, message)
        command = parse_command(message.body)
        process = self.process()
        try:
            if isinstance(command, FinishRun):
                process.finish_run(command)
            else:
                process.run_node(command, delivery=message.deliveries)
        except TransientServiceError:
            again = command.model_copy(update={"resend": command.resend + 1})
            process.queue.send([again], delay=delay_in_outage(command.resend))
        if not self.parts.settle_first:
            settle(self.world, message)

    def spawn(self, message: Message) -> Worker | None:
        if not self.world.calm and self.rng.random() < self.profile.growth:
            self.lake.source.append(max(self.lake.source) + self.rng.randint(1, 2))
        if message.deliveries > MAX_DELIVERIES:
            self.world.messages.remove(message)
            self.world.dead_letters.append(message)
            return None
        return Worker(self.world, lambda: _guarded(lambda: self.handle_message(message)))

    def idle(self) -> bool:
        """Nothing moves: more events come, time passes, nets do their work."""
        world = self.world
        if self.pending_events:
            for _ in range(len(self.pending_events) if self.profile.at_once else 1):
                self._deliver_event(self.pending_events.pop())
            return True
        if self.parts.dead_letter_handler and world.dead_letters:
            self._bury(world.dead_letters.pop())
            return True
        if not world.calm:
            world.calm = True  # the last fault was
            self._redeliver_unplanned()
            return True
        if not self.sweeper or self.sweeps_left <= 0:
            return False
        self.sweeps_left -= 1
        assert not self.world.workers
        world.now += 1000.0
        before = len(world.messages)
        sweep(self.process(), patience=timedelta(seconds=600))
        return len(world.messages) > before or self.sweeps_left > 57

    def _deliver_event(self, command: StartRun) -> None:
        """The event source delivers until it was taken: a crash or a failure brings the event back."""
        if self.rng.random() < 0.5:
            self.lake.source.append(max(self.lake.source) + self.rng.randint(1, 2))
        done: list[bool] = []

        def work() -> None:
            self.handle_event(command)
            done.append(True)

        worker = Worker(self.world, lambda: _guarded(work))
        self.world.workers.append(worker)
        self._event_workers.append((worker, command, done))

    @property
    def _event_workers(self) -> list[tuple[Worker, StartRun, list[bool]]]:
        return self.__dict__.setdefault("_event_worker_list", [])

    def _redeliver_unplanned(self) -> None:
        for _, command, done in self._event_workers:
            if not done:
                self.pending_events.append(command)
        self._event_workers.clear()

    def _bury(self, message: Message) -> None:
        command = parse_command(message.body)
        if isinstance(command, RunNode):
            error = error_record(OdibiError("delivered too often", code="dead_lettered"))
            self.process().give_up(command, error)
        else:
            self.process().finish_run(command)

    # ── the history and what must be true after it ──

    def run(self) -> list[str]:
        """Let the world come to rest and return every broken promise."""
        try:
            run_scheduler(self.world, spawn=self.spawn, idle=self.idle)
        except AssertionError as error:
            return [str(error)]
        self.world.current = None
        return list(dict.fromkeys(self._violations()))

    def _violations(self) -> list[str]:
        journal = self.parts.journal(SimStore(self.world))
        found: list[str] = [f"overwritten: {path}" for path in self.world.immutable_overwritten]
        run_ids = list(journal.run_ids())
        followers = self._followers(journal)
        if set(run_ids) & followers != followers:
            found.append(f"{len(followers - set(run_ids))} writes were followed by nothing")
        if len(run_ids) != len(self.commands) + len(followers):
            found.append(f"{len(self.commands)} causes and {len(followers)} writes made {len(run_ids)} runs")
        for run_id in run_ids:
            if journal.final(run_id) is None:
                found.append(f"run {run_id[:6]} never ended")
            elif self.catalog[run_id] != 1 or self.stories[run_id] < 1:
                found.append(f"run {run_id[:6]}: {self.catalog[run_id]} catalog rows, {self.stories[run_id]} stories")
        for spec in self.specs:
            found.extend(self._table_violations(spec, journal, [run_id for run_id in run_ids if run_id not in followers]))
        batches = Counter(batch.split("/")[1] for batch in {batch for batch, _ in self.lake.table(f"t_{self.follower.name}").rows()})
        if batches != Counter(run_id for run_id in followers if _status(journal, run_id, self.follower.name) == "succeeded"):
            found.append(f"{len(followers)} followers wrote {batches.total()} times")
        return found

    def _followers(self, journal: Journal) -> set[str]:
        """The runs that must follow: one for each node of each run that wrote."""
        if not self.profile.chained:
            return set()
        found = set()
        for command in self.commands:
            for spec in self.specs:
                outcome = journal.outcome(command.run_id, spec.name)
                if isinstance(outcome, NodeFinished) and outcome.result.status == "succeeded" and outcome.result.write is not None:
                    found.add(digest("dataset", "s", "", FOLLOWER, f"{PIPELINE}.{spec.name}", command.run_id))
        return found

    def _table_violations(self, spec: Spec, journal: Journal, run_ids: list[str]) -> list[str]:
        if spec.mode is None and spec.kind != "adds":
            return []
        outcomes = {run_id: journal.outcome(run_id, spec.name) for run_id in run_ids}
        done = [run_id for run_id, outcome in outcomes.items() if outcome is not None and outcome_status(outcome) == "succeeded"]
        buried = {
            run_id
            for run_id, outcome in outcomes.items()
            if isinstance(outcome, NodeFinished) and outcome.result.error is not None and outcome.result.error.code == "dead_lettered"
        }
        if spec.kind == "adds":
            return self._pattern_violations(spec, done, set(run_ids) - set(done), buried)
        rows = self.lake.table(f"t_{spec.name}").rows()
        by_run: dict[str, list[tuple[str, int]]] = {}
        for batch, row in rows:
            by_run.setdefault(batch.split("/")[1], []).append((batch, row))
        found = [
            f"{spec.name}: run {run_id[:6]} wrote {len({batch for batch, _ in written})} times"
            for run_id, written in by_run.items()
            if len({batch for batch, _ in written}) > 1
        ]
        found += [f"{spec.name}: run {run_id[:6]} failed and wrote" for run_id in set(by_run) - set(done) - buried if run_id in outcomes]
        if spec.mode == "overwrite":
            if any(len({batch for batch, _ in commit.rows}) > 1 for commit in self.lake.table(f"t_{spec.name}").commits):
                found.append(f"{spec.name}: more than one batch after overwrite")
            return found
        expected = self._expected(spec, done, journal)
        if expected is not None:
            actual = Counter(row for _, row in rows)
            lost, doubled = expected - actual, actual - expected
            if lost:
                found.append(f"{spec.name}: lost {sorted(lost)}")
            if doubled and not buried:
                found.append(f"{spec.name}: doubled {sorted(doubled)}")
        return found

    def _pattern_violations(self, spec: Spec, done: list[str], failed: set[str], buried: set[str]) -> list[str]:
        """Each file is in the pattern's target once; and what comes behind it has all of them."""
        expected, perhaps = self._rows_of(done), self._rows_of(sorted(failed if spec.mode is not None else buried))
        there = Counter(row for _, row in self.lake.table(f"p_{spec.name}").rows())
        found = [f"{spec.name}: lost {sorted(expected - there)}"] if expected - there else []
        if there - expected - perhaps:
            found.append(f"{spec.name}: doubled {sorted(there - expected - perhaps)}")
        if spec.mode is not None:
            behind = Counter(row for _, row in self.lake.table(f"t_{spec.name}").rows())
            if expected - behind or behind - expected - perhaps:
                found.append(f"{spec.name}: behind it are {sorted(behind)} and not {sorted(expected)}")
        return found

    def _rows_of(self, run_ids: list[str]) -> Counter[int]:
        files = {command.run_id: command.cause.files[0] for command in self.commands if isinstance(command.cause, BlobArrived)}
        return Counter(row for run_id in run_ids if run_id in files for row in self.lake.files[f"{files[run_id].path}@1"])

    def _expected(self, spec: Spec, done: list[str], journal: Journal) -> Counter[int] | None:
        match spec.kind:
            case "ingest":
                return self._rows_of(done)
            case "stateful":
                upto = max((_until(journal, run_id, spec.name) for run_id in done), default=0)
                return Counter(value for value in self.lake.source if value <= upto)
            case _:
                above = next(other for other in self.specs if other.name == spec.upstream[0])
                if above.kind != "ingest":
                    return None
                return self._expected(above, done, journal)


def _until(journal: Journal, run_id: str, node: str) -> int:
    outcome = journal.outcome(run_id, node)
    if not isinstance(outcome, NodeFinished):
        return 0
    return 0 if outcome.result.watermark is None else _number(outcome.result.watermark.after)


def _status(journal: Journal, run_id: str, node: str) -> str:
    outcome = journal.outcome(run_id, node)
    return "none" if outcome is None else outcome_status(outcome)


def _number(text: str | None) -> int:
    import json

    return 0 if text is None else int(json.loads(text)["v"])


def random_graph(rng: random.Random) -> list[Spec]:
    specs = [Spec("n0", "ingest", (), rng.choice(("append", None)))]
    for number in range(1, rng.randint(2, 5)):
        names = [spec.name for spec in specs]
        kind = rng.choice(("follow", "follow", "stateful", "ingest"))
        upstream = tuple(sorted(rng.sample(names, rng.randint(1 if kind == "follow" else 0, min(2, len(names))))))
        mode = rng.choice(("append", "overwrite", "append", None)) if kind == "follow" else "append"
        specs.append(Spec(f"n{number}", kind, upstream, mode))
    return specs


def rivals(_rng: random.Random) -> list[Spec]:
    """One file, one table that every run overwrites."""
    return [Spec("n0", "ingest", (), None), Spec("n1", "follow", ("n0",), "overwrite")]


def windows(_rng: random.Random) -> list[Spec]:
    """One incremental load that every run repeats."""
    return [Spec("n0", "stateful", (), "append")]


def patterns(rng: random.Random) -> list[Spec]:
    """A pattern that keeps a table, alone or with a second target behind it."""
    return [Spec("n0", "adds", (), rng.choice((None, "overwrite", "overwrite")))]


ZOMBIES = Faults(crash=0.01, fail_before=0.01, fail_after=0.01, duplicate=0.12, pause=0.03)
PROFILES = {
    "mixed": Profile(),
    "rivals": Profile(faults=ZOMBIES, graph=rivals, at_once=True, events=(3, 3)),
    "windows": Profile(faults=ZOMBIES, graph=windows, at_once=True, refusals=0.15, growth=0.6, events=(2, 3)),
    "chains": Profile(faults=Faults(crash=0.02), chained=True, events=(1, 2)),
    "patterns": Profile(faults=ZOMBIES, graph=patterns, at_once=True, events=(2, 3)),
}

_CONFIGS: dict[str, NodeConfig] = {}


def _config(spec: Spec) -> NodeConfig:
    key = repr(spec)
    if key not in _CONFIGS:
        config = NodeConfig.model_validate(spec.config())
        _CONFIGS[key] = config.model_copy(update={"transform": None})
    return _CONFIGS[key]


def _guarded(work: Callable[[], None]) -> None:
    """A host abandons the message of a handler that raised; the lock's end brings it back."""
    try:
        work()
    except OdibiError:
        return
