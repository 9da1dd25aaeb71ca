/** The types of the server's API, made from its OpenAPI document. */
import type { CellMark, Diagnostic, Job, JobEvent as Raw, Run } from './generated';

export type * from './generated';

export type JobKind = Job['kind'];
export type RunStatus = Run['status'];
export type Severity = Diagnostic['severity'];
export type Role = CellMark['roles'][number];

/** What a job's process printed; `event` says what it is. */
export interface IEventData {
  readonly event: string;
  readonly [key: string]: unknown;
}

export interface JobEvent extends Omit<Raw, 'data'> {
  readonly data: IEventData;
}
