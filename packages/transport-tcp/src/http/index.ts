/**
 * Whom an HTTP server of this project answers: shared with the one for metrics.
 *
 * @packageDocumentation
 */
export { hostList } from './allow-lists.js';
export { OwnHosts, type OwnHostsOptions } from './own-hosts.js';
