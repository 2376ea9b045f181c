#!/usr/bin/env node
// Writes rust/chain/abi/<Name>.json, {"abi": [...], "bytecode": "0x..."}, from forge's artifacts.
// The files are in git, so that building the Rust side and `make demo` need no Solidity compiler.
//
// usage: node script/abi.mjs [--check] [--from DIR]
//   --check     writes nothing; exit 1 when a file differs from what would be written
//   --from DIR  forge's output folder, `out` unless told
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

/** What goes where; the source file bears the contract's name. */
const CONTRACTS = [
  { name: "Registry", folder: "rust/chain/abi" },
  { name: "Bulletin", folder: "rust/chain/abi" },
  { name: "Anchor", folder: "rust/chain/abi" },
];

function readArtifact(from, name) {
  const path = join(from, `${name}.sol`, `${name}.json`);
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(`cannot read ${path} (${error.message}); run \`make abi\``);
  }
}

/** Only what the bindings need: no metadata, paths or ids, which differ between builds. */
function render({ abi, bytecode }, name) {
  if (Object.keys(bytecode.linkReferences).length > 0) {
    throw new Error(`${name} has unlinked libraries; make their functions internal`);
  }
  return `${JSON.stringify({ abi, bytecode: bytecode.object }, null, 2)}\n`;
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
  for (const { name, folder } of CONTRACTS) {
    const path = join(folder, `${name}.json`);
    const text = render(readArtifact(values.from, name), name);
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
