import { advanceIova } from '../address.js';
import type { Dma } from '../device/dma.js';
import { DmaFaultError } from '../errors.js';
import type { PushedMemory, PushRule, PushRules, RegionData } from '../protocol/messages.js';

interface Rule {
  readonly definition: PushRule;
  /** Index of the first entry not yet pushed. */
  tail: number;
}

/**
 * Sends ring entries along with the register write that announces them (docs/portable-protocol.md,
 * "Pushing").
 */
export class PushSource {
  readonly #dma: Dma;
  #rules: readonly Rule[] = [];

  constructor(dma: Dma) {
    this.#dma = dma;
  }

  /** Handle PUSH_RULES. An existing rule keeps its position. */
  replace({ rules }: PushRules): void {
    const known = new Map(this.#rules.map((rule) => [rule.definition.id, rule]));
    this.#rules = rules.map(
      (definition) => known.get(definition.id) ?? { definition, tail: definition.ring.tail },
    );
  }

  /** The device is gone: forget its rules. */
  clear(): void {
    this.#rules = [];
  }

  /** A register write, with the memory that a rule announces by it. */
  accompany(write: RegionData, maxBytes: number): RegionData {
    for (const rule of this.#rules) {
      const { region, offset, size } = rule.definition;
      if (write.region !== region || write.offset !== offset || write.data.length !== size)
        continue;
      const pushed = this.#collect(rule, littleEndian(write.data), maxBytes);
      return pushed.length === 0 ? write : { ...write, pushed };
    }
    return write;
  }

  #collect(rule: Rule, value: number, maxBytes: number): readonly PushedMemory[] {
    const { address, entryBytes, entries } = rule.definition.ring;
    if (value >= entries) return [];
    const first = rule.tail;
    rule.tail = value;
    let left = Math.min((value - first + entries) % entries, Math.floor(maxBytes / entryBytes));
    const pushed: PushedMemory[] = [];
    for (let at = first; left > 0; at = 0) {
      const count = Math.min(left, entries - at);
      const from = advanceIova(address, at * entryBytes);
      const data = new Uint8Array(count * entryBytes);
      if (!this.#read(from, data)) return [];
      pushed.push({ address: from, data });
      left -= count;
    }
    return pushed;
  }

  #read(address: number | bigint, target: Uint8Array): boolean {
    try {
      const range = this.#dma.range(address, target.length, 'read');
      return range.local && range.read(target) === undefined;
    } catch (error) {
      // Unmapped memory is not sent: the device gets the error when it reads.
      if (error instanceof DmaFaultError) return false;
      throw error;
    }
  }
}

function littleEndian(bytes: Uint8Array): number {
  let value = 0;
  for (let at = bytes.length - 1; at >= 0; at--) value = value * 256 + (bytes[at] as number);
  return value;
}
