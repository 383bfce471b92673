import { unixTransport } from '@vfio-user/transport-unix';
const spin = process.argv[3] === undefined ? {} : { maxSpinUs: Number(process.argv[3]) };
const t = unixTransport(spin);
const reply = new Uint8Array(36); new DataView(reply.buffer).setUint32(0, 36, true);
const framing = { headerBytes: 4, frameLength: (v: DataView, o: number) => v.getUint32(o, true), mayCarryDescriptors: () => false };
const l = await t.listen(new URL(`unix://${process.argv[2]}`), (c) => ({ onFrame() { c.send(reply); }, onDrain() {}, onClose(e) { if (e) console.error(e); void l.close(); } }), { framing });
