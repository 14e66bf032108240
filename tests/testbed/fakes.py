"""A real stack that is not there: what `measure` asks of one, with numbers made up by the test."""

from sim.core.result import REQUESTS_SCHEMA, SPANS_SCHEMA, STEPS_SCHEMA, SUMMARY_FIELDS, RunTables


def tables(total_s):
    phases = {f"{name}_s": total_s / 4 for name in ("pull", "create", "start", "ready")}
    empty = [schema.empty_table() for schema in (SPANS_SCHEMA, REQUESTS_SCHEMA, STEPS_SCHEMA)]
    return RunTables({**dict.fromkeys(SUMMARY_FIELDS), **phases, "total_s": total_s}, {}, *empty, {"lazy": True})


class FakeStack:
    """Keeps a diary of ups, downs and cells. `answer`: from a task to seconds, or what it raises."""

    def __init__(self, diary, answer):
        self.diary, self.answer, self.is_up = diary, answer, False

    def prepare(self, tasks):
        self.prepared = [task.cell.workload for task in tasks]

    def up(self):
        if not self.is_up:
            self.diary.append("up")
        self.is_up = True

    def down(self):
        if self.is_up:
            self.diary.append("down")
        self.is_up = False

    def measure(self, task):
        assert self.is_up
        self.diary.append((task.cell.strategy.label, task.cell.network.rtt, task.cell.replicate))
        return tables(self.answer(task))
