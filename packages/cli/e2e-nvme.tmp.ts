import { serve, connectDevice, TransportRegistry } from '@vfio-user/core';
import { nvme } from '@vfio-user/devices';
import { unixTransport } from '@vfio-user/transport-unix';
const registry = new TransportRegistry([unixTransport()]);
const path = `/tmp/nvmeshim/e2e-${process.pid}.sock`;
const server: any = await serve({ definition: nvme, options: nvme.options.parse({ size: '64M', doorbells: 'mapped' }), registry, listen: `unix://${path}` } as any);
for (let life = 0; life < 2; life++) {
  const c = await connectDevice(`unix://${path}`, { registry });
  const mem = c.memory.allocate(8 << 20);
  const BASE = 0x1_0000_0000;
  await c.memory.map({ address: BASE, memory: mem });
  const bytes = mem.view(0, 8 << 20)!; const view = new DataView(bytes.buffer, bytes.byteOffset);
  const u32 = (v: number) => { const b = new Uint8Array(4); new DataView(b.buffer).setUint32(0, v, true); return b; };
  const w32 = (o: number, v: number) => c.regions.write(0, o, u32(v));
  const map = await c.regions.map(0);
  const page = map.areas[0]!.memory.view(0, 0x1000)!; const pv = new DataView(page.buffer, page.byteOffset);
  const db = (o: number, v: number) => pv.setUint32(o - 0x1000, v, true);
  await w32(0x24, 0x1f001f); await c.regions.write(0, 0x28, new Uint8Array([0, 0, 0, 0, 1, 0, 0, 0])); await c.regions.write(0, 0x30, new Uint8Array([0, 0x10, 0, 0, 1, 0, 0, 0])); await w32(0x14, 0x460001);
  const q = { 0: { t: 0, h: 0, p: 1 }, 1: { t: 0, h: 0, p: 1 } } as any;
  const exec = async (qid: number, f: any) => {
    const s = q[qid], sq = qid ? 0x2000 : 0, cq = qid ? 0x3000 : 0x1000, o = sq + s.t * 64;
    bytes.fill(0, o, o + 64);
    view.setUint32(o, f.op | 5 << 16, true); view.setUint32(o + 4, f.nsid ?? 0, true); view.setBigUint64(o + 24, BigInt(f.prp1 ?? 0), true);
    (f.d ?? []).forEach((x: number, i: number) => view.setUint32(o + 40 + i * 4, x, true));
    s.t = (s.t + 1) % 32; db(0x1000 + qid * 8, s.t);
    const t0 = Date.now();
    for (;;) { const d3 = view.getUint32(cq + s.h * 16 + 12, true); if (((d3 >>> 16) & 1) === s.p) { if (++s.h === 32) { s.h = 0; s.p ^= 1; } db(0x1004 + qid * 8, s.h); return d3 >>> 17; } if (Date.now() - t0 > 3000) throw new Error('timeout'); await new Promise((r) => setImmediate(r)); }
  };
  const st = [await exec(0, { op: 6, prp1: BASE + 0x8000, d: [1] })];
  st.push(await exec(0, { op: 5, prp1: BASE + 0x3000, d: [1 | 31 << 16, 1] }), await exec(0, { op: 1, prp1: BASE + 0x2000, d: [1 | 31 << 16, 1 | 1 << 16] }));
  let bad = 0;
  for (let i = 0; i < 100; i++) { if (!life) { bytes.fill(i, 0x10000, 0x11000); st.push(await exec(1, { op: 1, nsid: 1, prp1: BASE + 0x10000, d: [i * 8, 0, 7] })); } st.push(await exec(1, { op: 2, nsid: 1, prp1: BASE + 0x20000, d: [i * 8, 0, 7] })); if (bytes[0x20000] !== i || bytes[0x20fff] !== i) bad++; }
  console.log('life', life, 'areas', map.areas.map((a) => a.offset), 'statuses', [...new Set(st)], 'bad', bad);
  map.close(); await (c as any).close();
}
await server.close(); process.exit(0);
