import { libc } from './libc.js';
import { addressOf, NativeMemory } from './native-memory.js';

/** Ciphers of TLS 1.3, as OpenSSL calls them. */
export type AeadName = 'AES-128-GCM' | 'AES-256-GCM' | 'ChaCha20-Poly1305';

/** Length of the tag of each of them, bytes. */
export const TAG_BYTES = 16;
/** Length of the nonce of each of them, bytes. */
export const NONCE_BYTES = 12;

const EVP_CTRL_AEAD_GET_TAG = 0x10;
const EVP_CTRL_AEAD_SET_TAG = 0x11;
/** In place of a pointer: what was given before. */
const NONE = 0;
const KEEP = -1;

/** Functions of libcrypto. Pointers are numbers, see {@link libc}; 1 is success. */
interface Libcrypto {
  readonly fetch: (context: number, name: string, properties: null) => number;
  readonly create: () => number;
  readonly free: (context: number) => void;
  readonly init: (
    context: number,
    cipher: number,
    engine: number,
    key: number,
    nonce: number,
    encrypt: number,
  ) => number;
  readonly update: (
    context: number,
    target: number,
    count: number,
    source: number,
    length: number,
  ) => number;
  readonly final: (context: number, target: number, count: number) => number;
  readonly control: (context: number, command: number, argument: number, at: number) => number;
  readonly clearErrors: () => void;
}

let loaded: Libcrypto | undefined;
const ciphers = new Map<AeadName, number>();

/** Whether this Node lets others call its OpenSSL. */
export function canUseAead(): boolean {
  try {
    libcrypto();
    return true;
  } catch {
    return false;
  }
}

/**
 * Authenticated encryption by the OpenSSL that Node has loaded, without allocating anything for a
 * message.
 */
export class Aead {
  readonly #crypto = libcrypto();
  readonly #encrypt: number;
  /** Where OpenSSL puts how much it has written, and the end of what `final` writes, which is nothing. */
  readonly #count = new NativeMemory(TAG_BYTES);
  /** Zero once it is released. */
  #context: number;

  constructor(name: AeadName, direction: 'seal' | 'open', key: Uint8Array) {
    this.#encrypt = direction === 'seal' ? 1 : 0;
    this.#context = this.#crypto.create();
    this.setKey(name, key);
  }

  /** Use another key from now on. */
  setKey(name: AeadName, key: Uint8Array): void {
    const cipher = cipherOf(name, this.#crypto);
    const at = addressOf(key);
    this.#check(this.#crypto.init(this.#opened(), cipher, NONE, at, NONE, this.#encrypt));
  }

  /** Start a message. */
  start(nonce: number, associated: number, associatedBytes: number): void {
    this.#check(this.#crypto.init(this.#opened(), NONE, NONE, NONE, nonce, KEEP));
    this.update(associated, associatedBytes, NONE);
  }

  /** Process a piece of a message. `target` may be `source`. */
  update(source: number, length: number, target: number): void {
    const { address } = this.#count;
    this.#check(this.#crypto.update(this.#context, target, address, source, length));
  }

  /** End a message that is sealed, whose tag goes to `target`. */
  seal(target: number): void {
    const { address } = this.#count;
    this.#check(this.#crypto.final(this.#context, address, address));
    this.#check(this.#crypto.control(this.#context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, target));
  }

  /**
   * End a message that is opened.
   * @returns whether its tag, at `tag`, is the right one: otherwise nothing of it can be used.
   */
  open(tag: number): boolean {
    this.#check(this.#crypto.control(this.#context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag));
    const { address } = this.#count;
    if (this.#crypto.final(this.#context, address, address) === 1) return true;
    // TLS of Node on the same thread would take them for its own.
    this.#crypto.clearErrors();
    return false;
  }

  /** Release what OpenSSL keeps, keys included. */
  close(): void {
    if (this.#context !== 0) this.#crypto.free(this.#context);
    this.#context = 0;
  }

  /** Without a context, OpenSSL would write to address zero. */
  #opened(): number {
    if (this.#context === 0) throw new Error('the cipher is closed');
    return this.#context;
  }

  #check(result: number): void {
    if (result === 1) return;
    this.#crypto.clearErrors();
    throw new Error('OpenSSL cannot encrypt');
  }
}

function cipherOf(name: AeadName, crypto: Libcrypto): number {
  let cipher = ciphers.get(name);
  if (cipher === undefined) {
    cipher = crypto.fetch(0, name, null);
    ciphers.set(name, cipher);
  }
  return cipher;
}

function libcrypto(): Libcrypto {
  loaded ??= load();
  return loaded;
}

function load(): Libcrypto {
  // The program itself: Node has OpenSSL linked in, or has loaded it as a shared library.
  const library = libc().koffi.load(null);
  return {
    fetch: library.func('uintptr_t EVP_CIPHER_fetch(uintptr_t, const char *, const char *)'),
    create: library.func('uintptr_t EVP_CIPHER_CTX_new()'),
    free: library.func('void EVP_CIPHER_CTX_free(uintptr_t)'),
    init: library.func(
      'int EVP_CipherInit_ex(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, int)',
    ),
    update: library.func('int EVP_CipherUpdate(uintptr_t, uintptr_t, uintptr_t, uintptr_t, int)'),
    final: library.func('int EVP_CipherFinal_ex(uintptr_t, uintptr_t, uintptr_t)'),
    control: library.func('int EVP_CIPHER_CTX_ctrl(uintptr_t, int, int, uintptr_t)'),
    clearErrors: library.func('void ERR_clear_error()'),
  };
}
