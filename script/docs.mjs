#!/usr/bin/env node
// Holds the Markdown pages to the repository: each relative link leads to a file (and to one of
// its headings), and each `make target` that a page mentions is a target of the Makefile.
// Prints a line for each that does not; exit 1 when there is one.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const CODE_BLOCK = /^(```|~~~)[\s\S]*?^\1/gm;
const LINK = /\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g;
const MAKE_IN_CODE = /`make ([a-z][a-z-]*)[^`]*`/g;
const MAKE_IN_BLOCK = /^(?:\$ )?make ([a-z][a-z-]*)/gm;

/** Tracked pages and new ones, but nothing that git ignores. */
function pages() {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "--", "*.md"]);
  return listed.toString().split("\n").filter((path) => path !== "" && existsSync(path));
}

function targets() {
  const rules = readFileSync("Makefile", "utf8").matchAll(/^([a-z][a-z-]*):/gm);
  return new Set([...rules].map((rule) => rule[1]));
}

/** The anchors that GitHub makes of a page's headings. */
function anchors(path) {
  const seen = new Map();
  const headings = readFileSync(path, "utf8").replace(CODE_BLOCK, "").matchAll(/^#+ +(.*)$/gm);
  return new Set([...headings].map(([, title]) => numbered(slug(title), seen)));
}

function slug(title) {
  const text = title.trim().toLowerCase().replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  return text.replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
}

/** A heading that repeats an earlier one gets -1, -2 and so on. */
function numbered(name, seen) {
  const count = seen.get(name) ?? 0;
  seen.set(name, count + 1);
  return count === 0 ? name : `${name}-${count}`;
}

function brokenLink(page, link) {
  if (/^[a-z][a-z+.-]*:/i.test(link)) return undefined;
  const [file, anchor] = link.split("#");
  const path = file === "" ? page : normalize(join(dirname(page), decodeURIComponent(file)));
  if (!existsSync(path)) return `${page}: no file ${path}`;
  if (anchor && path.endsWith(".md") && !anchors(path).has(anchor)) {
    return `${page}: no heading #${anchor} in ${path}`;
  }
  return undefined;
}

function complaints(page, known) {
  const text = readFileSync(page, "utf8");
  const prose = text.replace(CODE_BLOCK, "");
  const blocks = (text.match(CODE_BLOCK) ?? []).join("\n");
  const made = [...prose.matchAll(MAKE_IN_CODE), ...blocks.matchAll(MAKE_IN_BLOCK)];
  return [
    ...[...prose.matchAll(LINK)].map(([, link]) => brokenLink(page, link)),
    ...made.map(([, name]) => (known.has(name) ? undefined : `${page}: no target ${name}`)),
  ].filter((complaint) => complaint !== undefined);
}

const known = targets();
const found = pages().flatMap((page) => complaints(page, known));
for (const complaint of found) console.error(complaint);
process.exitCode = found.length > 0 ? 1 : 0;
