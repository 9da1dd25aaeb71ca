/** The types of the server's API, made from its OpenAPI document. */
import type { Job, JobEvent as Raw } from './generated';

export type * from './generated';

export type JobKind = Job['kind'];
export type RunStatus = import('./generated').Run['status'];
export type Severity = import('./generated').Diagnostic['severity'];
export type Role = import('./generated').CellMark['roles'][number];

/** What a job's process printed; `event` says what it is. */
export interface IEventData {
  readonly event: string;
  readonly [key: string]: unknown;
}

export interface JobEvent extends Omit<Raw, 'data'> {
  readonly data: IEventData;
}
