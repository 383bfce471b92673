/**
 * Host and Origin checks of the HTTP servers of this project, shared with the one for metrics.
 *
 * @packageDocumentation
 */
export { hostList } from './allow-lists.js';
export { OwnHosts, type OwnHostsOptions } from './own-hosts.js';
