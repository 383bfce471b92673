import { createCipheriv, randomBytes } from 'node:crypto';
import t from 'tap';
import { Aead, type AeadName, canUseAead, NativeMemory } from '../src/index.js';

const skip = canUseAead() ? false : 'this Node does not let others call its OpenSSL';
const NAMES = {
  'AES-128-GCM': ['aes-128-gcm', 16],
  'AES-256-GCM': ['aes-256-gcm', 32],
  'ChaCha20-Poly1305': ['chacha20-poly1305', 32],
} as const;

for (const [name, [own, keyBytes]] of Object.entries(NAMES)) {
  t.test(`${name} as Node does it`, { skip }, async (t) => {
    const key = randomBytes(keyBytes);
    const [nonce, associated] = [new NativeMemory(12), new NativeMemory(5)];
    const seal = new Aead(name as AeadName, 'seal', randomBytes(keyBytes));
    seal.setKey(name as AeadName, key);
    const open = new Aead(name as AeadName, 'open', key);
    for (const length of [1, 15, 16, 17, 5000]) {
      nonce.bytes.set(randomBytes(12));
      associated.bytes.set(randomBytes(5));
      const plain = randomBytes(length);
      const expected = createCipheriv(own as 'aes-128-gcm', key, nonce.bytes, {
        authTagLength: 16,
      });
      expected.setAAD(associated.bytes);
      const memory = new NativeMemory(length + 16);
      memory.bytes.set(plain);
      seal.start(nonce.address, associated.address, 5);
      const half = length >> 1;
      if (half > 0) seal.update(memory.address, half, memory.address);
      seal.update(memory.address + half, length - half, memory.address + half);
      seal.seal(memory.address + length);
      const sealed = [expected.update(plain), expected.final(), expected.getAuthTag()];
      t.strictSame(Buffer.from(memory.bytes), Buffer.concat(sealed));

      const target = new NativeMemory(length);
      const attempt = (): boolean => {
        open.start(nonce.address, associated.address, 5);
        open.update(memory.address, length, target.address);
        return open.open(memory.address + length);
      };
      memory.bytes[0]! ^= 1;
      t.equal(attempt(), false);
      memory.bytes[0]! ^= 1;
      t.equal(attempt(), true);
      t.strictSame(Buffer.from(target.bytes), plain);
    }
    for (const each of [seal, open]) {
      each.close();
      each.close();
      t.throws(() => each.start(nonce.address, associated.address, 5), /closed/);
    }
  });
}
