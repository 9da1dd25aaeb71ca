import type { Event, ServiceManager } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { Signal } from '@lumino/signaling';

import type { Api } from './api';
import type { IJobs, IProgress } from './tokens';
import type { Job, JobEvent, JobKind } from './types';

const SCHEMA = 'https://nbprod.dev/events/job';
const POLL_EVERY = 4000; // ms, while something runs: the socket may have died without a word
const EMIT_EVERY = 40; // ms: many events are one change
const MAX_LOGS = 5000; // lines of log that are kept of a job

/**
 * Follows jobs by their events; what it lacks after a reload, a gap or a lost connection it asks for.
 *
 * An event is taken only if it is the next one of its job, so each is seen once and in order.
 */
export class Jobs implements IJobs, IDisposable {
  constructor(
    private _api: Pick<Api, 'jobs' | 'jobEvents' | 'stopJob'>,
    private _services: Pick<ServiceManager.IManager, 'events' | 'connectionFailure'>
  ) {
    this._poll = new Poll({
      auto: false,
      name: 'nbprod:jobs',
      standby: 'when-hidden',
      factory: () => this.refresh(),
      frequency: { interval: POLL_EVERY, backoff: true, max: 30000 }
    });
    this._services.events.stream.connect(this._onEvent, this);
    this._services.connectionFailure.connect(this._onLost, this);
  }

  get changed(): Signal<this, void> {
    return this._changed;
  }

  get event(): Signal<this, JobEvent> {
    return this._event;
  }

  get ended(): Signal<this, Job> {
    return this._ended;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  list(path?: string, kind?: JobKind): readonly IProgress[] {
    return [...this._known.values()]
      .filter(one => (!path || one.job.path === path) && (!kind || one.job.kind === kind))
      .sort((a, b) => b.job.created - a.job.created);
  }

  running(path: string, ...kinds: JobKind[]): IProgress | null {
    const found = this.list(path).find(
      one => one.job.status === 'running' && (!kinds.length || kinds.includes(one.job.kind))
    );
    return found ?? null;
  }

  add(job: Job): void {
    this._update(job);
    this._catchUp(job.id);
  }

  load(id: string): void {
    const known = this._known.get(id);
    if (known && known.count < known.job.events) {
      this._catchUp(id);
    }
  }

  move(from: string, to: string): void {
    for (const known of this._known.values()) {
      if (known.job.path === from) {
        this._moved.set(known.job.id, to);
        known.job = this._placed(known.job);
      }
    }
    this._soon();
  }

  async stop(id: string): Promise<void> {
    this._update(this._placed(await this._api.stopJob(id)));
    this._catchUp(id);
  }

  /** Ask which jobs there are, and for the events of those that run. Throws `ApiError`. */
  async refresh(): Promise<void> {
    this._refreshing ??= this._refresh().finally(() => {
      this._refreshing = null;
    });
    return this._refreshing;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._poll.dispose();
    clearTimeout(this._timer);
    Signal.clearData(this);
  }

  private async _refresh(): Promise<void> {
    for (const told of await this._api.jobs()) {
      const job = this._placed(told);
      const known = this._known.get(job.id);
      this._update(known?.job.status === 'running' ? { ...job, status: 'running' } : job);
      const isBehind = (known?.count ?? 0) < job.events || known?.job.status !== job.status;
      if (isBehind && (known || job.status === 'running')) {
        this._catchUp(job.id); // also what has ended meanwhile: its last events come before its end
      }
    }
  }

  private _onLost(): void {
    this._tryRefresh();
  }

  /** What fails here is asked again with the next event or by the poll. */
  private _tryRefresh(): void {
    this.refresh().catch(() => undefined);
  }

  private _onEvent(_: Event.IManager, emission: Event.Emission): void {
    if (emission.schema_id !== SCHEMA) {
      return;
    }
    const event = this._placed(emission as unknown as JobEvent);
    const known = this._known.get(event.job);
    if (!known) {
      this._tryRefresh();
    } else if (event.number > known.count) {
      this._catchUp(event.job);
    } else {
      this._take(event);
    }
  }

  private _take(event: JobEvent): void {
    const known = this._known.get(event.job);
    if (!known || event.number !== known.count) {
      return; // seen already, or of a gap that is being asked for
    }
    known.count += 1;
    known.events.push(event);
    if (event.data.event === 'task-log' && (known.logs += 1) > MAX_LOGS * 1.2) {
      Private.forgetLogs(known, MAX_LOGS);
    }
    this._event.emit(event);
    if (event.data.event === 'job-ended') {
      this._catchUp(event.job); // the job as it ended
    }
    this._soon();
  }

  /** Ask for the events of a job that are not here yet: one question at a time, and again if more came meanwhile. */
  private _catchUp(id: string): void {
    const known = this._known.get(id);
    if (!known || this._isDisposed) {
      return;
    }
    if (known.isAsking) {
      known.isWanting = true;
      return;
    }
    known.isAsking = true;
    known.isWanting = false;
    this._api
      .jobEvents(id, known.count)
      .then(({ job, events }) => {
        for (const event of events) {
          known.count = Math.max(known.count, event.number); // of a long log the server leaves out the beginning
          this._take(this._placed(event));
        }
        known.isWanting ||= events.length > 0 && known.count < job.events; // it gives so many at once
        this._update(this._placed(job));
      })
      .catch(() => undefined) // the poll asks again while the job runs
      .finally(() => {
        known.isAsking = false;
        if (known.isWanting) {
          this._catchUp(id);
        }
      });
  }

  private _update(job: Job): void {
    const known = this._known.get(job.id);
    const wasRunning = known?.job.status === 'running';
    if (known && !wasRunning && job.status === 'running') {
      return; // an answer from before its end
    }
    if (known) {
      known.job = job;
    } else {
      this._known.set(job.id, {
        job,
        events: [],
        count: 0,
        logs: 0,
        isAsking: false,
        isWanting: false
      });
    }
    if (wasRunning && job.status !== 'running') {
      this._ended.emit(job);
    }
    this._watch();
    this._soon();
  }

  /** With the path that the notebook has now. */
  private _placed<T extends Job | JobEvent>(one: T): T {
    const path = this._moved.get('id' in one ? one.id : one.job);
    return path === undefined ? one : { ...one, path };
  }

  /** Poll while something runs. */
  private _watch(): void {
    const isWanted = [...this._known.values()].some(one => one.job.status === 'running');
    if (isWanted && !this._isPolling) {
      void this._poll.start();
    } else if (!isWanted && this._isPolling) {
      void this._poll.stop();
    }
    this._isPolling = isWanted;
  }

  private _soon(): void {
    if (this._timer === undefined && !this._isDisposed) {
      this._timer = setTimeout(() => {
        this._timer = undefined;
        this._changed.emit();
      }, EMIT_EVERY);
    }
  }

  private _known = new Map<string, Private.IKnown>();
  /** The paths of notebooks that were renamed since their jobs began, by job. */
  private _moved = new Map<string, string>();
  private _poll: Poll;
  private _isPolling = false;
  private _refreshing: Promise<void> | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined = undefined;
  private _changed = new Signal<this, void>(this);
  private _event = new Signal<this, JobEvent>(this);
  private _ended = new Signal<this, Job>(this);
  private _isDisposed = false;
}

namespace Private {
  export interface IKnown extends IProgress {
    job: Job;
    readonly events: JobEvent[];
    /** How many events have been taken: the number of the next one. */
    count: number;
    logs: number;
    isAsking: boolean;
    isWanting: boolean;
  }

  /** Drop the oldest log lines; the array stays the same one. */
  export function forgetLogs(known: IKnown, keep: number): void {
    let drop = known.logs - keep;
    const kept = known.events.filter(one => one.data.event !== 'task-log' || drop-- <= 0);
    known.events.splice(0, known.events.length, ...kept);
    known.logs = keep;
  }
}

/** Wait until a job that was entered has ended. */
export function whenEnded(jobs: IJobs, { id }: Job): Promise<Job> {
  return new Promise(resolve => {
    const look = (): void => {
      const found = jobs.list().find(one => one.job.id === id);
      if (found && found.job.status !== 'running') {
        jobs.changed.disconnect(look);
        resolve(found.job);
      }
    };
    jobs.changed.connect(look);
    look();
  });
}
