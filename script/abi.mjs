#!/usr/bin/env node
// Writes <folder>/<Name>.json, {"abi": [...], "bytecode": "0x..."}, from forge's artifacts: of the
// contracts, of the false registries that the validator's tests deploy, and of the differential
// test's forwarder. They are in git, so that building and testing the Rust side and `make demo`
// need no Solidity compiler.
//
// usage: node script/abi.mjs [--check] [--from DIR]
//   --check     writes nothing; exit 1 when a file differs from what would be written
//   --from DIR  forge's output folder, `out` unless told
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

/** What goes where; a source file without a name of its own bears the contract's. */
const CONTRACTS = [
  ...["Registry", "Bulletin", "Anchor"].map((name) => ({ name, folder: "rust/chain/abi" })),
  ...[1, 2, 3, 4, 5].map((check) => ({
    name: `FalseRegistry${check}`,
    source: "FalseRegistries",
    // theirs is the registry's
    withoutAbi: true,
    folder: "rust/validator/tests/contracts",
  })),
  { name: "Forwarder", folder: "rust/differential/contracts" },
];

function readArtifact(from, { name, source = name }) {
  const path = join(from, `${source}.sol`, `${name}.json`);
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(`cannot read ${path} (${error.message}); run \`make abi\``);
  }
}

/** Only what the Rust side needs: no metadata, paths or ids, which differ between builds. */
function render({ abi, bytecode }, { name, withoutAbi }) {
  if (Object.keys(bytecode.linkReferences).length > 0) {
    throw new Error(`${name} has unlinked libraries; make their functions internal`);
  }
  const parts = { abi: withoutAbi ? undefined : abi, bytecode: bytecode.object };
  return `${JSON.stringify(parts, null, 2)}\n`;
}

function isFresh(path, text) {
  try {
    return readFileSync(path, "utf8") === text;
  } catch (error) {
    if (error.code === "ENOENT") return false;
    throw error;
  }
}

function main() {
  const { values } = parseArgs({
    options: { check: { type: "boolean" }, from: { type: "string", default: "out" } },
  });
  for (const contract of CONTRACTS) {
    const path = join(contract.folder, `${contract.name}.json`);
    const text = render(readArtifact(values.from, contract), contract);
    if (isFresh(path, text)) continue;
    if (values.check) {
      console.error(`${path} is stale; run \`make abi\` and commit it`);
      process.exitCode = 1;
      continue;
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`wrote ${path}`);
  }
}

main();
