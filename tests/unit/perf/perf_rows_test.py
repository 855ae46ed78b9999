#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""perf/run and perf/check on benches that are made up: what is written is found right, what was changed is found."""
import contextlib
import copy
import importlib.machinery
import importlib.util
import io
import json
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import types
import unittest

sys.dont_write_bytecode = True
PERF = pathlib.Path(__file__).resolve().parents[3] / "perf"
sys.path.insert(0, str(PERF))
import runner  # noqa: E402  pylint: disable=wrong-import-position
import sampling  # noqa: E402  pylint: disable=wrong-import-position
import table  # noqa: E402  pylint: disable=wrong-import-position


def script(name):
    """A script without an ending, as a module."""
    loader = importlib.machinery.SourceFileLoader(f"perf_{name}", str(PERF / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


run, check, plot = script("run"), script("check"), script("plot")
GOALS = {
    "fast_ns": {"at_most": 100, "unit": "ns", "prints": "fake", "source": "made up"},
    "many_vs_them": {"at_least": 0.9, "how": "ratio", "unit": "", "prints": "fake", "source": "made up", "profile": True},
    "more_ns": {"at_most": 10, "how": "difference", "unit": "ns", "prints": "fake", "source": "made up"},
    "lost": {"at_most": 0, "how": "sum", "unit": "", "prints": "fake", "source": "made up"},
    "other": {"at_most": 1, "unit": "ms", "prints": "nobody", "source": "made up"},
}
PROFILE = {"how": "samples of a clock; 1000 samples", "entries": [{"what": "smtp_step", "share": 0.61},
                                                                  {"what": "flow_find", "share": 0.0825}]}
ROWS = [
    runner.row("fast_ns", "ns", [70, 90, 80, 75, 500]),
    runner.row("many_vs_them", "", [(8, 10), (9, 12), (30, 11)], how="ratio", reference_name="them", profile=PROFILE),
    runner.row("more_ns", "ns", [(50, 30), (40, 35), (60, 31), (45, 33)], how="difference", reference_name="bare"),
    runner.row("lost", "", [0, 0, 1], how="sum"),
    runner.row("seen_only", "B", [3, 1, 2], how="max"),
]
RUNS = "import json, pathlib, sys\n"
WRITES = RUNS + "pathlib.Path(sys.argv[sys.argv.index('--rows') + 1]).write_text({text!r})\n"


class World:
    """A folder with a bench of our making, and goals of our making."""

    def __init__(self, body):
        self.folder = tempfile.TemporaryDirectory(prefix="perf-rows-")
        self.root = pathlib.Path(self.folder.name)
        (self.root / "perf").mkdir()
        path = self.root / "perf" / "fake"
        path.write_text("#!/usr/bin/env python3\n" + body, encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        self.goals = self.root / "goals.json"
        self.goals.write_text(json.dumps(GOALS), encoding="utf-8")
        self.file = self.root / "out.json"

    def __enter__(self):
        self.kept = runner.ROOT, runner.GOALS, run.BENCHES, run.machine.facts
        runner.ROOT, runner.GOALS, run.BENCHES = self.root, self.goals, {"fake": (1, 1)}
        run.machine.facts = lambda: {fact: 0 for fact in check.MACHINE}
        return self

    def __exit__(self, *_):
        runner.ROOT, runner.GOALS, run.BENCHES, run.machine.facts = self.kept
        self.folder.cleanup()

    def report(self, limit=None):
        """What perf/run writes of the bench."""
        with contextlib.redirect_stdout(io.StringIO()) as out:
            args = types.SimpleNamespace(quick=limit is not None, verbose=False, only=None)
            one = run.Run(args)
            one.left = lambda: limit
            run.all_benches(one, args)
            one.end()
            one.write(self.file)
        self.printed = out.getvalue()
        return json.loads(self.file.read_text(encoding="utf-8"))

    def faults(self, report):
        """What perf/check says of it, as a program."""
        self.file.write_text(json.dumps(report), encoding="utf-8")
        done = subprocess.run([PERF / "check", self.file, "--goals", self.goals], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout


def good(skipped=()):
    return WRITES.format(text=json.dumps({"bench": "fake", "rows": ROWS, "skipped": list(skipped)}))


def row(report, name):
    return next(r for r in report["rows"] if r["name"] == name)


def put(name, key, value):
    return lambda report: row(report, name).update({key: value})


def drop(name):
    return lambda report: report["rows"].remove(row(report, name))


def round_put(name, key, value):
    return lambda report: row(report, name)["rounds"][0].update({key: value})


def share_put(value):
    return lambda report: row(report, "many_vs_them")["profile"]["entries"][0].update({"share": value})


TAMPERED = (  # what was changed, the row that is named
    ("a value", put("fast_ns", "value", 79.0), "fast_ns"),
    ("a round that the value comes from", round_put("more_ns", "reference", 39), "more_ns"),
    ("a round that is no number", round_put("fast_ns", "value", "70"), "fast_ns"),
    ("all rounds", put("fast_ns", "rounds", []), "fast_ns"),
    ("a verdict", put("more_ns", "verdict", "met"), "more_ns"),
    ("a goal", put("more_ns", "goal", {"at_most": 20}), "more_ns"),
    ("the goal's sense", put("fast_ns", "goal", {"at_least": 100}), "fast_ns"),
    ("a goal where there is none", put("seen_only", "goal", {"at_most": 5}), "seen_only"),
    ("how a value comes of its rounds", put("many_vs_them", "how", "max"), "many_vs_them"),
    ("the unit", put("fast_ns", "unit", "us"), "fast_ns"),
    ("the spread", put("fast_ns", "spread", [75, 81]), "fast_ns"),
    ("the reference", put("many_vs_them", "reference", 10), "many_vs_them"),
    ("the profile of a row that is short", lambda r: row(r, "many_vs_them").pop("profile"), "many_vs_them"),
    ("a share of a profile", share_put(0.93), "many_vs_them"),
    ("a share that is none", share_put("61 %"), "many_vs_them"),
    ("the order of a profile", share_put(0.01), "many_vs_them"),
    ("how a profile was made", lambda r: row(r, "many_vs_them")["profile"].update({"how": ""}), "many_vs_them"),
    ("what a profile is of", lambda r: row(r, "many_vs_them")["profile"].update({"entries": []}), "many_vs_them"),
    ("that a row is there", drop("lost"), "lost"),
    ("how often a row is there", lambda r: r["rows"].append(copy.deepcopy(row(r, "lost"))), "lost"),
    ("a skipped row to one that is met", lambda r: r["skipped"][0].update({"verdict": "met"}), "other"),
    ("the reason why a row was skipped", lambda r: r["skipped"][0].update({"why": ""}), "other"),
    ("how a bench ended", lambda r: r["benches"][0].update({"exit": 1}), "fake"),
    ("which benches ran", lambda r: r["benches"].clear(), "fast_ns"),
    ("the summary", lambda r: r["counts"].update({"met": 5}), "counts"),
    ("where it was measured", lambda r: r["machine"].pop("kernel"), "machine"),
)


class Rows(unittest.TestCase):
    def test_what_is_written_is_found_right(self):
        with World(good()) as world:
            report = world.report()
            self.assertEqual({r["name"]: r["verdict"] for r in report["rows"]},
                             {"fast_ns": "met", "many_vs_them": "short", "more_ns": "short", "lost": "short", "seen_only": "-"})
            self.assertEqual(row(report, "many_vs_them")["value"], 8 / 10)
            self.assertEqual(row(report, "more_ns")["value"], 16)
            self.assertEqual([(s["name"], s["why"]) for s in report["skipped"]], [("other", "no bench")])
            code, said = world.faults(report)
            self.assertEqual(code, 0, said)

    def test_what_was_changed_by_hand_is_found_and_named(self):
        with World(good()) as world:
            report = world.report()
            for what, change, name in TAMPERED:
                with self.subTest(what):
                    changed = copy.deepcopy(report)
                    change(changed)
                    code, said = world.faults(changed)
                    self.assertEqual(code, 1, said)
                    self.assertIn(f"NO   {name}: ", said)

    def test_a_row_that_is_short_says_beneath_where_its_time_goes(self):
        with World(good()) as world:
            report = world.report()
            self.assertEqual(row(report, "many_vs_them")["profile"], PROFILE)
            lines = world.printed.splitlines()
            at = next(i for i, line in enumerate(lines) if line.startswith("many_vs_them"))
            self.assertEqual(lines[at + 1: at + 3], ["    samples of a clock; 1000 samples:", "    61 % smtp_step, 8 % flow_find"])

    def test_a_profile_that_cannot_be_made_says_why(self):
        without = [runner.row("many_vs_them", "", [(1, 2)], how="ratio", profile=sampling.none("no clock"))]
        with World(WRITES.format(text=json.dumps({"rows": without, "skipped": []}))) as world:
            report = world.report()
            self.assertIn("    no profile: no clock", world.printed)
            self.assertEqual(world.faults(report)[0], 0)

    def test_a_file_of_something_else_is_no_results_file(self):
        with World(good()) as world:
            for text in ("", "[]", "{}", '{"rows": 3}'):
                world.file.write_text(text, encoding="utf-8")
                done = subprocess.run([PERF / "check", world.file], capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (1, ""), text)

    def test_a_skipped_row_is_never_met(self):
        why = [runner.skip("other", "needs hugepages")]
        with World(good(why)) as world:
            report = world.report()
            self.assertEqual(report["skipped"], [{"name": "other", "why": "needs hugepages", "bench": "fake"}])
            self.assertEqual(report["counts"], {"met": 1, "short": 3, "no goal": 1, "skipped": 1})
            self.assertIn("skipped: needs hugepages", world.printed)
            self.assertEqual(world.faults(report)[0], 0)

    def test_rows_of_a_bench_that_failed_are_skipped_and_the_file_is_refused(self):
        with World(good() + "print('out of luck')\nsys.exit(3)\n") as world:
            report = world.report()
            self.assertEqual(report["rows"], [])
            self.assertIn("out of luck", world.printed)
            code, said = world.faults(report)
            self.assertEqual(code, 1)
            self.assertIn("the bench ended with 3", said)

    def test_a_bench_that_finds_what_it_needs_missing_is_skipped(self):
        body = ("import argparse, sys\nsys.path.insert(0, {perf!r})\nimport runner\n"
                "runner.parse(argparse.ArgumentParser())\nraise runner.CannotRun('no pages')\n").format(perf=str(PERF))
        with World(body) as world:
            report = world.report()
            self.assertEqual(report["benches"][0]["exit"], runner.SKIPPED)
            self.assertEqual({s["why"] for s in report["skipped"]}, {"no pages", "no bench"})
            self.assertEqual(world.faults(report)[0], 0)

    def test_a_bench_that_takes_too_long_is_ended_in_order(self):
        body = ("import argparse, pathlib, sys, time\nsys.path.insert(0, {perf!r})\nimport runner\n"
                "args = runner.parse(argparse.ArgumentParser())\n"
                "try:\n    time.sleep(60)\nfinally:\n"
                "    pathlib.Path(__file__).with_name('cleaned').write_text('yes')\n").format(perf=str(PERF))
        with World(body) as world:
            report = world.report(limit=2)
            self.assertEqual(report["benches"][0]["exit"], 124)
            self.assertTrue((world.root / "perf" / "cleaned").exists())
            self.assertEqual(report["rows"], [])
            self.assertIn("took longer than", report["skipped"][0]["why"])
            self.assertEqual(world.faults(report)[0], 0)

    def test_rows_that_cannot_be_judged_are_skipped(self):
        bad = (
            (runner.row("fast_ns", "us", [1]), "its unit is us, the goal's ns"),
            (runner.row("lost", "", [0], how="max"), "it is a max, the goal a sum"),
            ({**runner.row("fast_ns", "ns", []), "rounds": []}, "no rounds"),
            (runner.row("many_vs_them", "", [(1, 2), 3], how="ratio"), "some rounds have a reference and some have none"),
            (runner.row("more_ns", "ns", [1], how="difference"), "a difference needs a reference in each round"),
            (runner.row("fast_ns", "ns", [1], how="mean"), "how is none of"),
        )
        for one, why in bad:
            with self.subTest(why), World(WRITES.format(text=json.dumps({"rows": [one], "skipped": []}))) as world:
                report = world.report()
                self.assertEqual(report["rows"], [])
                self.assertIn(why, next(s["why"] for s in report["skipped"] if s["name"] == one["name"]))

    def test_a_bench_that_cannot_run_says_so_of_each_row_it_owes(self):
        with World(good()) as world:
            file = world.root / "rows.json"
            with contextlib.redirect_stdout(io.StringIO()), runner.Report(types.SimpleNamespace(rows=file), "fake") as report:
                report.row("fast_ns", "ns", [1])
                raise runner.CannotRun("needs two CPUs")
            seen = json.loads(file.read_text(encoding="utf-8"))
            self.assertEqual([r["name"] for r in seen["rows"]], ["fast_ns"])
            self.assertEqual({s["name"]: s["why"] for s in seen["skipped"]},
                             {n: "needs two CPUs" for n in ("many_vs_them", "more_ns", "lost")})

    def test_a_line_has_100_columns_at_most(self):
        with World(good()) as world:
            one = runner.row("sessions_a_second_core_shipped_rules", "1/s", [(123456, 99999)] * 5, reference_name="them")
            goal = {"at_least": 1000000, "unit": "1/s"}
            self.assertLessEqual(len(table.line(table.judged(one, "fake", goal))), 100)
            self.assertTrue(world.root.exists())

    def test_numbers_are_short(self):
        for value, text in ((0, "0"), (0.25, "0.250"), (9.876, "9.88"), (512, "512"), (1234.5, "1234"),
                            (12345, "12.3k"), (100000, "100k"), (300000, "300k"), (5891234, "5.89M"), (0.9, "0.900")):
            self.assertEqual(table.number(value), text)


class Profiles(unittest.TestCase):
    def test_shares_are_of_what_is_not_the_bench(self):
        seen = sampling.profile({"smtp_step": 300, "flow_find": 100}, "samples")
        self.assertEqual(seen, {"how": "samples; 400 samples", "entries": [{"what": "smtp_step", "share": 0.75},
                                                                          {"what": "flow_find", "share": 0.25}]})
        self.assertLessEqual({"main", "bench_segment", "noops"}, sampling.of_the_bench())
        self.assertFalse({"smtp_feed", "flow_find", "memcpy", "if"} & sampling.of_the_bench())

    def test_a_few_samples_are_no_profile(self):
        self.assertIn("why_not", sampling.profile({"smtp_step": 20}, "samples"))

    @unittest.skipUnless(shutil.which("perf"), "perf is not installed")
    def test_a_program_that_cannot_be_sampled_has_none(self):
        self.assertIn("why_not", sampling.of_command(["/bin/false"], "nothing"))


class Pictures(unittest.TestCase):
    ROWS = {
        "forward_64B_vs_testpmd": runner.row("", "", [(8e6, 9e6), (7e6, 9e6), (9e6, 8e6)], how="ratio"),
        "forward_1514B_vs_testpmd": runner.row("", "", [(2e6, 2e6)], how="ratio"),
        "cpu_s_per_1000_sessions_haproxy": runner.row("", "s", [0.2]),
        "packet_cost_1k_to_1M_flows": runner.row("", "", [(250, 220)], how="ratio"),
        "scan_vs_bare_hyperscan_10": runner.row("", "", [(15, 20)], how="ratio"),
    }

    def test_what_the_file_has_no_rows_for_is_not_drawn(self):
        for name, make in plot.PICTURES.items():
            self.assertIsNone(make({}), name)
            self.assertIsNotNone(make(self.ROWS), name)

    def test_bars_are_medians_with_the_least_and_the_most_round(self):
        series = plot.forwarding(self.ROWS)["series"]
        self.assertEqual([b for _, _, b in series], [[(8, 7, 9), (2, 2, 2)], [(9, 8, 9), (2, 2, 2)]])
        self.assertEqual(plot.sessions(self.ROWS)["bars"][0][2], (5000, 5000, 5000))

    @unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed")
    def test_gnuplot_takes_what_is_written_for_it(self):
        machine = dict.fromkeys(check.MACHINE, 0) | {"cpu": "a_cpu", "commit": "c0ffee", "dirty": True}
        with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(io.StringIO()):
            for picture, make in plot.PICTURES.items():
                plot.draw(picture, make(self.ROWS), {"machine": machine, "at": "2026-11-22", "quick": True}, pathlib.Path(name))
                text = pathlib.Path(name, f"{picture}.svg").read_text(encoding="utf-8")
                self.assertIn("quick run", text)


class Goals(unittest.TestCase):
    def test_each_goal_says_unit_source_and_who_prints_it(self):
        for name, goal in json.loads((PERF / "goals.json").read_text(encoding="utf-8")).items():
            self.assertLessEqual({"unit", "source", "prints"}, set(goal), name)
            self.assertLessEqual(len({"at_most", "at_least"} & set(goal)), 1, name)
            self.assertLessEqual(set(goal), {"unit", "source", "prints", "how", "at_most", "at_least", "profile"}, name)

    def test_each_bench_of_the_table_is_there_and_quick_ones_fit(self):
        for name in run.BENCHES:
            self.assertTrue((PERF / name).stat().st_mode & stat.S_IXUSR, name)
        self.assertLessEqual(sum(quick for quick, _ in run.BENCHES.values()), run.QUICK_S - run.END_S)


if __name__ == "__main__":
    unittest.main()
