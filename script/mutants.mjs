#!/usr/bin/env node
// Mutation run: changes the contracts in one small way at a time and prints each change that the
// tests do not notice. Unlike the public tools it also changes assembly, so it says whether the
// tests really hold it.
//
// usage: node script/mutants.mjs [FILE...]      (env SAMPLE: at most so many, spread evenly)
//   FILE   part of a path below contracts/; everything except interfaces unless told
//
// A mutant is `killed` (a test fails), `invalid` (does not compile) or `survived`. Works on a copy
// of the repository under the profile `lite`; writes all outcomes to out/mutants.json. Survivors
// are for people to judge: some change nothing that can be seen (`x < n` where x never is n).
import { spawnSync } from "node:child_process";
import {
  cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { mutantsOf } from "./mutators.mjs";

const ROOT = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "..");
const REPORT = join(ROOT, "out/mutants.json");
// A mutant that makes the tests run for ever counts as killed.
const TIMEOUT_MS = 15 * 60 * 1000;

/** A copy that can be changed; only the packages are shared. */
function workingCopy() {
  const folder = mkdtempSync(join(tmpdir(), "fallow-mutants-"));
  for (const name of ["contracts", "test", "script", "foundry.toml"]) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  mkdirSync(join(folder, "out/figures"), { recursive: true });
  return folder;
}

/** Exit code of forge in the copy; `undefined` when it took too long. */
function forge(folder, args) {
  const line = 'source script/lib.sh && exec "$(foundry_binary forge)" "$@"';
  const result = spawnSync("bash", ["-c", line, "forge", ...args], {
    cwd: folder,
    env: { ...process.env, FOUNDRY_PROFILE: "lite" },
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
    maxBuffer: 1 << 28,
  });
  if (result.error && result.error.code !== "ETIMEDOUT") throw result.error;
  return { code: result.status ?? undefined, text: `${result.stdout}${result.stderr}` };
}

function mustPass(folder, args, what) {
  const { code, text } = forge(folder, args);
  if (code !== 0) throw new Error(`${what} fails without any change:\n${text}`);
}

// Gas tests would notice every change, but only by its price.
const TEST = ["test", "--fail-fast", "--no-match-path", "test/gas/*"];

/** Syntax trees by source path, e.g. "contracts/libraries/LogLib.sol". */
function syntaxTrees(folder) {
  mustPass(folder, ["build", "contracts", "--force", "--ast"], "the build");
  const trees = new Map();
  const out = join(folder, "out/lite");
  for (const entry of readdirSync(out, { recursive: true })) {
    if (!entry.endsWith(".json") || entry.startsWith("build-info")) continue;
    const { ast } = JSON.parse(readFileSync(join(out, entry), "utf8"));
    if (ast?.absolutePath.startsWith("contracts/")) trees.set(ast.absolutePath, ast);
  }
  return trees;
}

function chosen(trees, wanted) {
  const paths = [...trees.keys()].filter((path) => !path.startsWith("contracts/interfaces/"));
  const named = (path) => wanted.length === 0 || wanted.some((part) => path.includes(part));
  return paths.filter(named).sort();
}

/** `limit` of them, spread evenly over all: the same ones each time. */
function sample(mutants, limit) {
  if (!limit || limit >= mutants.length) return mutants;
  const step = mutants.length / limit;
  return Array.from({ length: limit }, (_, index) => mutants[Math.floor(index * step)]);
}

function tryMutant(folder, { path, start, end, after }) {
  const file = join(folder, path);
  const original = readFileSync(file);
  const parts = [original.subarray(0, start), Buffer.from(after), original.subarray(end)];
  writeFileSync(file, Buffer.concat(parts));
  try {
    const { code, text } = forge(folder, TEST);
    if (code === 0) return "survived";
    return text.includes("Compiler run failed") ? "invalid" : "killed";
  } finally {
    writeFileSync(file, original);
  }
}

function describe({ path, line, before, after }) {
  const oneLine = (text) => text.replace(/\s+/g, " ").slice(0, 60);
  return `${path}:${line}: ${oneLine(before)}  ->  ${oneLine(after)}`;
}

function main() {
  const folder = workingCopy();
  try {
    const trees = syntaxTrees(folder);
    const all = chosen(trees, process.argv.slice(2)).flatMap((path) =>
      mutantsOf(path, trees.get(path), readFileSync(join(folder, path))));
    const mutants = sample(all, Number(process.env.SAMPLE ?? 0));
    mustPass(folder, TEST, "the test suite");
    console.error(`${mutants.length} of ${all.length} mutants`);
    const outcomes = [];
    for (const [index, mutant] of mutants.entries()) {
      const outcome = tryMutant(folder, mutant);
      outcomes.push({ ...mutant, outcome });
      console.error(`${index + 1}/${mutants.length} ${outcome} ${describe(mutant)}`);
    }
    report(outcomes);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(outcomes) {
  mkdirSync(join(ROOT, "out"), { recursive: true });
  writeFileSync(REPORT, `${JSON.stringify(outcomes, null, 2)}\n`);
  const count = (wanted) => outcomes.filter(({ outcome }) => outcome === wanted).length;
  for (const mutant of outcomes.filter(({ outcome }) => outcome === "survived")) {
    console.log(describe(mutant));
  }
  const invalid = count("invalid");
  console.log(`${count("survived")} survived, ${count("killed")} killed, ${invalid} invalid`);
}

main();
