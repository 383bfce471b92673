import { Command } from '/work/main/packages/core/src/protocol/constants.js';
import { NativeEncoding } from '/work/main/packages/core/src/protocol/native/native-encoding.js';
import { PortableEncoding } from '/work/main/packages/core/src/protocol/portable/portable-encoding.js';
import { frameOf } from '/work/main/packages/core/test/protocol/wire.js';

const N = 1_000_000;
for (const enc of [new NativeEncoding(), new PortableEncoding()]) {
  const data4 = new Uint8Array(4),
    data4k = new Uint8Array(4096),
    data1m = new Uint8Array(1 << 20);
  const cases: [string, () => any][] = [
    [
      'REGION_READ req',
      () => enc.encodeRequest(Command.REGION_READ, 77, { offset: 0x1000, region: 0, count: 4 }),
    ],
    [
      'REGION_READ reply 4',
      () =>
        enc.encodeReply(Command.REGION_READ, 777, {
          offset: 0x1000,
          region: 0,
          count: 4,
          data: data4,
        }),
    ],
    [
      'REGION_WRITE req 4',
      () =>
        enc.encodeRequest(
          Command.REGION_WRITE,
          777,
          { offset: 0x1000, region: 0, count: 4, data: data4 },
          true,
        ),
    ],
    [
      'DMA_READ req',
      () => enc.encodeRequest(Command.DMA_READ, 777, { address: 0x1_2345_6000, count: 4096 }),
    ],
    [
      'DMA_READ reply 4k',
      () =>
        enc.encodeReply(Command.DMA_READ, 777, {
          address: 0x1_2345_6000,
          count: 4096,
          data: data4k,
        }),
    ],
    [
      'DMA_WRITE req 1m',
      () =>
        enc.encodeRequest(Command.DMA_WRITE, 777, {
          address: 0x1_2345_6000,
          count: 1 << 20,
          data: data1m,
        }),
    ],
    ['INFO req', () => enc.encodeRequest(Command.DEVICE_GET_INFO, 777, { argsz: 16 })],
    ['RESET req', () => enc.encodeRequest(Command.DEVICE_RESET, 777, undefined)],
  ];
  if (enc.name === 'portable')
    cases.push([
      'REGION_WRITE pushed',
      () =>
        enc.encodeRequest(
          Command.REGION_WRITE,
          777,
          {
            offset: 0x1000,
            region: 0,
            count: 4,
            data: data4,
            pushed: [{ address: 0x1_0000_0000, data: new Uint8Array(64) }],
          },
          true,
        ),
    ]);
  if (enc.name === 'portable')
    cases.push([
      'INTERRUPT',
      () => (enc as any).encodeRequest(0x8001, 0, { index: 2, vector: 3, count: 1 }, true),
    ]);
  for (const [name, f] of cases) {
    const m = f();
    const frame = frameOf(Buffer.concat([m.head, m.data ?? Buffer.alloc(0)]));
    let e = Infinity,
      d = Infinity;
    for (let r = 0; r < 4; r++) {
      const n = /pushed|INFO|RESET|INTERR/.test(name) ? N / 10 : N;
      let t = process.hrtime.bigint();
      for (let i = 0; i < n; i++) f();
      e = Math.min(e, Number(process.hrtime.bigint() - t) / n);
      t = process.hrtime.bigint();
      for (let i = 0; i < n; i++) enc.decode(frame);
      d = Math.min(d, Number(process.hrtime.bigint() - t) / n);
    }
    console.log(
      '#',
      enc.name,
      name,
      frame.length,
      'bytes, encode',
      e.toFixed(0),
      'ns decode',
      d.toFixed(0),
      'ns',
      enc.decode(frame).kind,
    );
  }
}
