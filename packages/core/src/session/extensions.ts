import { type Preface, PrefaceCapability } from '../protocol/portable/preface.js';

/** Extensions of this implementation. */
export const OWN_EXTENSIONS: readonly string[] = [
  PrefaceCapability.ACKNOWLEDGE,
  PrefaceCapability.DOORBELL,
  PrefaceCapability.INTERRUPT,
  PrefaceCapability.KEEP_ALIVE,
  PrefaceCapability.POSTED_DMA,
  PrefaceCapability.PUSH,
  PrefaceCapability.RESUME,
];

/** The extensions of a session: those that both sides support. */
export interface SessionExtensions {
  /** The session survives its connection. */
  readonly resumes: boolean;
  /** INTERRUPT in place of an eventfd. */
  readonly interrupts: boolean;
  /** DOORBELL in place of an ioeventfd. */
  readonly doorbells: boolean;
  /** DMA_WRITE without a reply, and DMA_FAULT. */
  readonly postedDma: boolean;
  /** Time without a frame after which the peer ends the connection, ms; 0: never. */
  readonly peerSilenceMs: number;
  /** Time without a frame after which this side ends the connection, ms; 0: never. */
  readonly ownSilenceMs: number;
  /** Most one-way messages to the peer without an acknowledgement; 0: any number. */
  readonly windowMessages: number;
  /** Most bytes of data of them; 0: any number. */
  readonly windowBytes: number;
  /** One-way messages from the peer before this side must acknowledge; 0: any number. */
  readonly ownWindowMessages: number;
  readonly ownWindowBytes: number;
  /** Most bytes pushed with one register write; 0: none. */
  readonly maxPushBytes: number;
  readonly maxPushRules: number;
}

/** A session in the native encoding has none. */
export const noExtensions: SessionExtensions = {
  resumes: false,
  interrupts: false,
  doorbells: false,
  postedDma: false,
  peerSilenceMs: 0,
  ownSilenceMs: 0,
  windowMessages: 0,
  windowBytes: 0,
  ownWindowMessages: 0,
  ownWindowBytes: 0,
  maxPushBytes: 0,
  maxPushRules: 0,
};

/** The extensions that two prefaces have in common. */
export function commonExtensions(own: Preface, peer: Preface): SessionExtensions {
  const both = (name: string): boolean =>
    own.capabilities.includes(name) && peer.capabilities.includes(name);
  const acknowledges = both(PrefaceCapability.ACKNOWLEDGE);
  const resumes = Math.min(own.minor, peer.minor) >= 1 && both(PrefaceCapability.RESUME);
  const keepsAlive = resumes || both(PrefaceCapability.KEEP_ALIVE);
  const pushes = both(PrefaceCapability.PUSH);
  return {
    resumes,
    interrupts: both(PrefaceCapability.INTERRUPT),
    doorbells: both(PrefaceCapability.DOORBELL),
    postedDma: both(PrefaceCapability.POSTED_DMA),
    peerSilenceMs: keepsAlive ? peer.limits.silenceMs : 0,
    ownSilenceMs: keepsAlive ? own.limits.silenceMs : 0,
    windowMessages: acknowledges ? peer.limits.windowMessages : 0,
    windowBytes: acknowledges ? peer.limits.windowBytes : 0,
    ownWindowMessages: acknowledges ? own.limits.windowMessages : 0,
    ownWindowBytes: acknowledges ? own.limits.windowBytes : 0,
    maxPushBytes: pushes ? Math.min(own.limits.maxPushBytes, peer.limits.maxPushBytes) : 0,
    maxPushRules: pushes ? Math.min(own.limits.maxPushRules, peer.limits.maxPushRules) : 0,
  };
}
