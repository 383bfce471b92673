import { RegisterFile, type RegisterHooks } from './register-file.js';
import {
  type RegisterDefinition,
  RegisterLayout,
  type RegisterTableOptions,
} from './register-layout.js';

/** A register that was found by its offset. */
export interface FoundRegister {
  readonly name: string;
  /** Where it starts. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  readonly absent: boolean;
}

/**
 * Registers of a region, described as data: names, access, reset and documentation come from it.
 */
export class RegisterTable<Name extends string = string> {
  readonly offsets: Readonly<Record<Name, number>>;
  readonly #layout: RegisterLayout;

  /** @throws {VfioUserError} `VFU_CONFIG_INVALID` when two overlap or one is impossible. */
  constructor(
    registers: Readonly<Record<Name, RegisterDefinition>>,
    options: RegisterTableOptions = {},
  ) {
    this.#layout = new RegisterLayout(registers, options);
    const offsets = this.#layout.entries.map(({ name, offset }) => [name, offset]);
    this.offsets = Object.fromEntries(offsets);
  }

  /** The register that the byte at `offset` belongs to. */
  find(offset: number): FoundRegister | undefined {
    const entry = this.#layout.entries[this.#layout.slotAt(offset)];
    if (entry === undefined) return undefined;
    const { size, absent, stride } = entry;
    const index = Math.floor((offset - entry.offset) / stride);
    const name = entry.name.replace('{}', String(index));
    return { name, offset: entry.offset + index * stride, size, absent };
  }

  /** Create the registers of a device. A register without a hook keeps what is written. */
  create(hooks: Partial<Record<Name, RegisterHooks>> = {}): RegisterFile<Name> {
    return new RegisterFile(this.#layout, this.offsets, hooks);
  }

  /** As a table in Markdown. */
  toMarkdown(): string {
    const rows = this.#layout.entries
      .filter(({ absent }) => !absent)
      .map(({ offset, name, size, count, access, meaning }) => {
        const bytes = count === 1 ? size : `${count} x ${size}`;
        return `| 0x${offset.toString(16)} | ${name} | ${bytes} | ${access} | ${meaning} |`;
      });
    const head = [
      '| offset | name | bytes | access | meaning |',
      '| --- | --- | --- | --- | --- |',
    ];
    return [...head, ...rows].join('\n');
  }
}

/** Describe the registers of a region by their names. */
export function defineRegisters<Name extends string>(
  registers: Readonly<Record<Name, RegisterDefinition>>,
  options?: RegisterTableOptions,
): RegisterTable<Name> {
  return new RegisterTable(registers, options);
}

/** Identification from configuration space. */
export interface PciIds {
  readonly vendorId: number;
  readonly deviceId: number;
  /** 24 bits. */
  readonly classCode: number;
}

/** The registers of a device, also for tools that show accesses to them. */
export interface RegisterMap {
  /** Name of the device for display. */
  readonly title: string;
  describes(ids: PciIds): boolean;
  /** By BAR. BARs without an entry are memory without named registers. */
  readonly bars: Readonly<Record<number, RegisterTable>>;
}
