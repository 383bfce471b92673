// What the compliance suites use of tap, for guests: tap itself takes minutes to load under emulation.
// Each test becomes a line "RESULT title=ok" on stdout, or "=failed" after the error.

import { deepEqual } from 'node:assert';
import assert from 'node:assert/strict';
import type { Test } from 'tap';

type Body = (t: Test) => Promise<void>;
type Teardown = () => unknown;

/** A test, and the sequence of the tests in it. */
class Checks {
  failures = 0;
  #hasTests = false;
  #sequence: Promise<void> = Promise.resolve();
  readonly #teardowns: Teardown[] = [];

  readonly equal = assert.equal;
  readonly not = assert.notEqual;
  readonly ok = assert.ok;
  /** Loose, as tap's: a Buffer is the same as a Uint8Array of its bytes. */
  readonly same = deepEqual;

  test(title: string, ...rest: [Body] | [{ skip?: string }, Body]): Promise<void> {
    this.#hasTests = true;
    const [{ skip }, body] = rest.length === 1 ? [{ skip: undefined }, rest[0]] : rest;
    if (skip !== undefined) print(`RESULT ${title}=skipped`);
    else this.#sequence = this.#sequence.then(() => this.#run(title, body));
    return this.#sequence;
  }

  teardown(handler: Teardown): void {
    this.#teardowns.push(handler);
  }

  pass(): void {}

  match(value: unknown, pattern: unknown, message?: string): void {
    if (!matches(value, pattern)) assert.deepEqual(value, pattern, message);
  }

  throws(body: () => unknown, expected?: unknown): void {
    assert.throws(body, (error) => matches(error, expected));
  }

  /** As tap's: a text in place of what is expected is the message. */
  rejects(promise: Promise<unknown>, ...rest: readonly unknown[]): Promise<void> {
    const expected = typeof rest[0] === 'string' ? undefined : rest[0];
    return assert.rejects(promise, (error) => matches(error, expected));
  }

  async #run(title: string, body: Body): Promise<void> {
    const inner = new Checks();
    try {
      // It has what our suites use, and a missing method fails the test that needs it.
      await body(inner as unknown as Test);
      await inner.#sequence;
    } catch (error) {
      inner.failures++;
      print(error instanceof Error ? `${error.stack}` : String(error));
    }
    for (const handler of inner.#teardowns.reverse()) await handler();
    this.failures += inner.failures;
    if (!inner.#hasTests) print(`RESULT ${title}=${inner.failures === 0 ? 'ok' : 'failed'}`);
  }
}

/** Runs tests, printing how each went; the process fails when one did. */
export async function runChecks(body: (t: Test) => void): Promise<void> {
  const checks = new Checks();
  await checks.test('checks', async (t) => body(t));
  process.exitCode = checks.failures === 0 ? 0 : 1;
}

function matches(value: unknown, pattern: unknown): boolean {
  if (pattern === undefined) return true;
  if (pattern instanceof RegExp) return pattern.test(String(value));
  if (typeof pattern === 'function') return value instanceof pattern;
  if (typeof pattern === 'string') return String(value).includes(pattern);
  if (typeof pattern !== 'object' || pattern === null) return Object.is(value, pattern);
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(pattern).every(([key, part]) =>
    matches((value as Record<string, unknown>)[key], part),
  );
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
