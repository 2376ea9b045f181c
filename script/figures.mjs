#!/usr/bin/env node
// Measures and writes bench.json: a list of {"name", "value", "unit", "how"}, one per figure.
//
// usage: node script/figures.mjs [GROUP]
//   GROUP   one of the groups below; all of them unless told. Figures of other groups that an
//           earlier run left in bench.json stay there.
//
// Gas comes from the tests in test/gas, which leave objects of the same form in out/figures; times
// come from criterion's estimates, always over a bare operation measured in the same run.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const GAS_FIGURES = "out/figures";
const OUTPUT = "bench.json";
const TARGET_DIR = cargoMetadata().target_directory;

// What each group consists of; `sources` fill a list of figures when they are called. One that
// several groups need is called once, and may bring more than they name.
const GROUPS = {
  allocation: {
    names: [
      "gas.request.returning",
      "gas.request.first",
      "gas.announce",
      "gas.request.batch100",
      "gas.request.growth.log",
      "gas.checkpoint.v4",
      "gas.checkpoint.v64",
      "gas.checkpoint.v64.third_absent",
      "log.push",
      "log.prove",
      "log.memory",
      "ticket.verify.cached",
      "ticket.verify.cold",
      "ticket.size",
      "demo.warm",
    ],
    sources: [gas, logTimes, logMemory, ticketTimes, ticketSize, demo],
  },
  ledger: {
    names: [
      "gas.announce.batch100",
      "gas.request.packed100",
      "gas.request.packed100.spread",
      "gas.release.packed100.adjacent",
      "gas.release.packed100.scattered",
      "gas.announce_and_request",
      "gas.request.growth.allocations",
      "ledger.apply",
      "ledger.memory",
    ],
    sources: [gas, ledgerTimes, ledgerMemory],
  },
  node: {
    names: [
      "node.throughput.batch",
      "node.throughput.single",
      "node.throughput.with_validators",
      "node.latency.p99",
      "node.catch_up",
      "node.memory",
      "node.ticket.p99",
      "node.search.p99",
      "audit.rate",
    ],
    sources: [nodeThroughput, nodeLog, auditRate],
  },
};

function cargoMetadata() {
  const args = ["metadata", "--format-version", "1", "--no-deps", "--locked"];
  return JSON.parse(execFileSync("cargo", args, { maxBuffer: 1 << 26 }));
}

/** Runs a command whose progress a person may want to see; it must succeed. */
function run(command, args, env = process.env) {
  console.error(`$ ${command} ${args.join(" ")}`);
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", 2, 2], env });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}`);
}

/** The one JSON object that an example program prints. */
function example(crate, name, features = []) {
  const args = ["run", "--locked", "--release", "--quiet", "-p", crate, "--example", name];
  args.push(...features.flatMap((feature) => ["--features", feature]));
  console.error(`$ cargo ${args.join(" ")}`);
  return JSON.parse(execFileSync("cargo", args, { stdio: ["ignore", "pipe", 2] }));
}

/** Gas is judged on the profile that is deployed, whatever the environment says. */
function gas() {
  rmSync(GAS_FIGURES, { recursive: true, force: true });
  mkdirSync(GAS_FIGURES, { recursive: true });
  run("bash", ["-euo", "pipefail", "-c", "source script/lib.sh && gas_tests"]);
  const files = readdirSync(GAS_FIGURES).filter((file) => file.endsWith(".json")).sort();
  return files.flatMap((file) => JSON.parse(readFileSync(join(GAS_FIGURES, file), "utf8")));
}

/** Removes old estimates first, so that a benchmark that is gone cannot leave a figure behind. */
function criterion(crate, group) {
  rmSync(join(TARGET_DIR, "criterion", group), { recursive: true, force: true });
  run("cargo", ["bench", "--locked", "-p", crate, "--benches"]);
}

/** Median time in ns of one element: of an iteration, unless the benchmark states a throughput. */
function median(group, bench) {
  const folder = join(TARGET_DIR, "criterion", group, bench, "new");
  const read = (file) => JSON.parse(readFileSync(join(folder, file), "utf8"));
  const elements = read("benchmark.json").throughput?.Elements ?? 1;
  const samples = read("sample.json").times.length;
  const ns = read("estimates.json").median.point_estimate / elements;
  return { ns, text: `${group}/${bench} ${formatNs(ns)}`, samples };
}

function formatNs(ns) {
  return ns < 10_000 ? `${ns.toFixed(1)} ns` : `${(ns / 1000).toFixed(1)} us`;
}

/** One median over the sum of the bare operations that it cannot do without. */
function ratio(name, group, measured, bare, what) {
  const top = median(group, measured);
  const below = bare.map((bench) => median(group, bench));
  const sum = below.reduce((total, { ns }) => total + ns, 0);
  const baseline = below.map(({ text }) => text).join(" + ");
  const how = `${what}; ${top.text} over ${baseline}; criterion, median of ${top.samples} samples`;
  return { name, value: round(top.ns / sum, 4), unit: "ratio", how };
}

function round(value, digits) {
  return Number(value.toFixed(digits));
}

function logTimes() {
  criterion("fallow-log", "log");
  const baseline = "bare Keccak-256 of 65 bytes (alloy-primitives, asm-keccak)";
  return [
    ratio("log.push", "log", "push", ["keccak65"], `per leaf, tree of 10^6 leaves; ${baseline}`),
    ratio("log.prove", "log", "prove", ["keccak65"], `inclusion proof, 10^6 leaves; ${baseline}`),
  ];
}

function ticketTimes() {
  criterion("fallow-light-client", "light-client");
  const recovery = "bare recovery by libsecp256k1";
  const pairing = "bare BLS12-381 min-sig verification by blst";
  const cold = ["recover", "bls_verify"];
  return [
    ratio("ticket.verify.cached", "light-client", "access_cached", ["recover"],
      `ticket and grant, checkpoint known; ${recovery}`),
    ratio("ticket.verify.cold", "light-client", "access_cold", cold,
      `ticket and grant, checkpoint unknown, set loaded, all sign; ${recovery}, ${pairing}`),
  ];
}

/** Allocations through a node over plain transfers of the same chain, all on this machine. */
function nodeThroughput() {
  const run = example("fallow-load", "throughput", ["rig"]);
  if (run.lost + run.twice + run.refused > 0) throw new Error("messages were lost or refused");
  const plain = `${run.transfers.toFixed(0)} plain transfers/s`;
  const checked = `${run.promised} promised, ${run.lost} lost, ${run.twice} recorded twice`;
  const figure = (name, rate, what) => {
    const how = `${what}: ${rate.toFixed(0)} allocations/s over ${plain}; ${checked}`;
    return { name, value: round(rate / run.transfers, 3), unit: "ratio", how };
  };
  const byLoad = run.latency
    .map(({ percent, p50, p99 }) => `${percent} %: p50 ${p50.toFixed(2)}, p99 ${p99.toFixed(2)}`)
    .join("; ");
  const half = run.latency.find(({ percent }) => percent === 50);
  return [
    figure("node.throughput.batch", run.batch, "100 a POST, HTTP to recorded"),
    figure("node.throughput.single", run.single, "one a POST, HTTP to recorded"),
    figure("node.throughput.with_validators", run.withValidators,
      "100 a POST, four validators re-executing beside it"),
    { name: "node.latency.p99", value: round(half.p99, 3), unit: "s",
      how: `HTTP to recorded at half of the batch rate, 1 s blocks; by load ${byLoad}` },
  ];
}

function nodeLog() {
  const run = example("fallow-load", "million", ["rig"]);
  const log = `log of ${run.records} records`;
  const readers = `${log}, ${run.readers} readers at once`;
  const read = (name, { p50, p99, rate }, what) => {
    const how = `${what}, ${readers}: p50 ${(p50 * 1e3).toFixed(1)} ms, ${rate.toFixed(0)}/s`;
    return { name, value: round(p99 * 1e3, 2), unit: "ms", how };
  };
  return [
    { name: "node.catch_up", value: round(run.catchUp, 0), unit: "records/s",
      how: `${log} from the chain into an empty store` },
    { name: "node.memory", value: round(run.memory, 1), unit: "byte/record",
      how: `resident after a warm start and the reads, ${log}; ` +
        `${run.memoryAfterCatchUp.toFixed(1)} after catching up; ` +
        `${run.disk.toFixed(0)} byte/record on disk; ready ${run.warmStart.toFixed(2)} s after a warm start` },
    read("node.ticket.p99", run.ticket, "tickets of random records"),
    read("node.search.p99", run.search, "search by offer fields, region and free window"),
  ];
}

/** Records a second and core that an audit re-executes, over bare recoveries. */
function auditRate() {
  const run = example("fallow-audit", "rate");
  const how = `${run.records} records, ${run.recordsPerSecond.toFixed(0)} a second and core over ` +
    `${run.recoveriesPerSecond.toFixed(0)} bare recoveries by libsecp256k1`;
  return [{ name: "audit.rate", value: round(run.recordsPerSecond / run.recoveriesPerSecond, 3),
    unit: "ratio", how }];
}

function logMemory() {
  const { leaves, bytesPerLeaf } = example("fallow-log", "memory");
  const how = `growth of the process's resident memory over ${leaves} leaves, one run`;
  return [{ name: "log.memory", value: round(bytesPerLeaf, 2), unit: "byte/leaf", how }];
}

function ledgerTimes() {
  criterion("fallow-ledger", "ledger");
  const remembered = median("ledger", "apply_remembered").text;
  const what = "one request, 10^4 resources of 120 slots, 10^5 requesters; bare recovery by " +
    `libsecp256k1 of the same signatures; when the signer is remembered ${remembered}`;
  return [ratio("ledger.apply", "ledger", "apply", ["recover"], what)];
}

function ledgerMemory() {
  const { allocations, bytesPerAllocation } = example("fallow-ledger", "memory");
  const how = `growth of the process's resident memory over ${allocations} allocations of 1 slot` +
    ", 10^5 requesters, 10^4 resources of 120 slots, one run";
  const value = round(bytesPerAllocation, 2);
  return [{ name: "ledger.memory", value, unit: "byte/allocation", how }];
}

function ticketSize() {
  const { records, validators, bytes } = example("fallow-light-client", "ticket_size");
  const how = `binary ticket of an allocation, ${records} records, ${validators} validators`;
  return [{ name: "ticket.size", value: bytes, unit: "byte", how }];
}

/** The second of two runs: everything is built, and the disk's cache is warm. */
function demo() {
  run("make", ["--silent", "demo"]);
  const start = performance.now();
  run("make", ["--silent", "demo"]);
  const value = round((performance.now() - start) / 1000, 2);
  const how = "wall time of `make demo`, once, right after a first run that built everything";
  return [{ name: "demo.warm", value, unit: "s", how }];
}

/** Solidity has no fractions, so its tests write a value as a decimal string. */
function normalise({ name, value, unit, how, ...surplus }) {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  const sound = [name, unit, how].every((text) => typeof text === "string" && text !== "");
  if (!sound || !Number.isFinite(number) || Object.keys(surplus).length > 0) {
    throw new Error(`not a figure: ${JSON.stringify({ name, value, unit, how, ...surplus })}`);
  }
  return { name, value: number, unit, how };
}

/** Each figure once, and all that the groups promise. */
function checkFigures(groups, figures) {
  const names = figures.map(({ name }) => name);
  const doubled = names.filter((name, index) => names.indexOf(name) !== index);
  const promised = groups.flatMap((group) => GROUPS[group].names);
  const missing = promised.filter((name) => !names.includes(name));
  if (doubled.length > 0) throw new Error(`measured twice: ${doubled.join(", ")}`);
  if (missing.length > 0) throw new Error(`not measured: ${missing.join(", ")}`);
}

function measure(groups) {
  const sources = new Set(groups.flatMap((group) => GROUPS[group].sources));
  const figures = [...sources].flatMap((source) => source()).map(normalise);
  checkFigures(groups, figures);
  return figures;
}

function earlier() {
  try {
    return JSON.parse(readFileSync(OUTPUT, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

function main() {
  const wanted = process.argv[2] ? [process.argv[2]] : Object.keys(GROUPS);
  if (!wanted.every((group) => Object.hasOwn(GROUPS, group))) {
    console.error(`no group \`${wanted}\`; expected one of ${Object.keys(GROUPS).join(", ")}`);
    process.exitCode = 2;
    return;
  }
  const figures = measure(wanted);
  const measured = new Set(figures.map(({ name }) => name));
  const kept = earlier().filter(({ name }) => !measured.has(name));
  writeFileSync(OUTPUT, `${JSON.stringify([...kept, ...figures], null, 2)}\n`);
  for (const { name, value, unit } of figures) console.log(`${name} ${value} ${unit}`);
}

main();
