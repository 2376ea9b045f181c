#!/usr/bin/env node
// Makes npm's `solc` (the compiler as WebAssembly) look like the native program to forge, which
// asks for two things only: `--version`, and `--standard-json` with JSON on standard input.
// No compiler has to be downloaded this way: package-lock.json pins it like everything else.
import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");

/** Writes everything, also when standard output is a pipe that is full for a moment. */
function print(text) {
  const bytes = Buffer.from(text);
  for (let sent = 0; sent < bytes.length; ) {
    try {
      sent += writeSync(1, bytes, sent);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

if (process.argv.includes("--version")) {
  print(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (process.argv.includes("--standard-json")) {
  print(`${solc.compile(readFileSync(0, "utf8"))}\n`);
} else {
  process.stderr.write("script/solc.mjs answers only to --version and --standard-json\n");
  process.exitCode = 2;
}
