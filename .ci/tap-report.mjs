// Reads TAP on stdin and says what a person wants to know while it runs: one line for each test
// file, everything about a file that failed, and every skipped test by name.
//
//   tap --reporter=tap | node .ci/tap-report.mjs RESULT_FILE
//
// RESULT_FILE gets the line "PASSED FAILED". A skipped (or "todo") test that .ci/allowed-skips does
// not name counts as failed, and so does output that ends without tap's summary.

import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const ALLOWED = new URL('allowed-skips', import.meta.url);
const RESULT =
  /^(?<indent> *)(?<not>not )?ok \d+(?: - (?<name>.*?))?(?:\s+(?<!\\)# (?<directive>.*))?$/;
const SUBTEST = /^(?<indent> *)# Subtest: (?<name>.*)$/;
const SUMMARY = /^# (?<counts>\{ total: .*\})$/;
const NOISE = /^(TAP version 14|\d+\.\.\d+|# time=.*|# No coverage generated|)$/;

/** Names of tests that may be skipped: the part of each line before its reason. */
function readAllowed() {
  const lines = readFileSync(ALLOWED, 'utf8').split('\n');
  const entries = lines.filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return new Set(
    entries.map((line) => {
      const at = line.indexOf(' # ');
      if (at < 0) throw new Error(`.ci/allowed-skips: no reason given in "${line}"`);
      return line.slice(0, at).trim();
    }),
  );
}

function say(text) {
  process.stdout.write(`${text}\n`);
}

const allowed = readAllowed();
/** Names of the subtests around the current line, outermost first. */
const path = [];
/** Lines of the current test file, printed only when it fails. */
let block = [];
let counts;
let refusedSkips = 0;

/** @param {{ [group: string]: string }} groups of {@link RESULT}. */
function onResult({ indent, not, name = '', directive }) {
  const depth = indent.length / 4;
  if (directive !== undefined && /^(skip|todo)/i.test(directive)) {
    const full = [...path.slice(0, depth), name].join(' > ');
    if (!allowed.has(full)) refusedSkips += 1;
    say(
      `skipped: ${full} # ${directive}${allowed.has(full) ? ' (allowed)' : ' (NOT in .ci/allowed-skips)'}`,
    );
  }
  if (depth > 0) return;
  if (not !== undefined) say(block.join('\n'));
  else say(`ok: ${name} ${directive ?? ''}`);
  block = [];
}

/** tap's summary is an object literal with bare keys and plain numbers. */
function parseCounts(text) {
  const pairs = [...text.matchAll(/(\w+): (\d+)/g)].map(([, key, value]) => [key, Number(value)]);
  return Object.fromEntries(pairs);
}

function onLine(line) {
  const subtest = SUBTEST.exec(line)?.groups;
  if (subtest !== undefined) path[subtest.indent.length / 4] = subtest.name;
  const summary = SUMMARY.exec(line)?.groups;
  if (summary !== undefined) counts = parseCounts(summary.counts);

  const isTap = subtest !== undefined || line.startsWith('  ') || RESULT.test(line);
  if (isTap) block.push(line);
  // What tap adds behind a failed file: how its process ended.
  if (line === '  ...' && block[0] === '  ---') say(block.splice(0).join('\n'));
  if (!isTap && summary === undefined && !NOISE.test(line)) say(line);
  const result = RESULT.exec(line)?.groups;
  if (result !== undefined) onResult(result);
}

for await (const line of createInterface({ input: process.stdin })) onLine(line);
if (block.length > 0) say(block.join('\n'));
if (counts === undefined) say('failed: the test run ended without a summary');

const { pass = 0, fail = 0 } = counts ?? {};
const failed = fail + refusedSkips + (counts === undefined ? 1 : 0);
writeFileSync(process.argv[2], `${pass} ${failed}\n`);
