import type { Event, ServiceManager } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import type { Api } from './api';
import type { IJobs, IProgress } from './tokens';
import type { Job, JobEvent, JobKind } from './types';

const SCHEMA = 'https://nbprod.dev/events/job';

/** Follows jobs by their events; what it lacks after a reload or a lost connection it asks for. */
export class Jobs implements IJobs, IDisposable {
  constructor(
    private _api: Api,
    private _services: ServiceManager.IManager
  ) {
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
    if (!this._known.has(job.id)) {
      this._known.set(job.id, { job, events: [] });
    }
    void this._catchUp(job.id);
  }

  async stop(id: string): Promise<void> {
    this._update(await this._api.stopJob(id));
  }

  /** Ask which jobs there are, and for the events of those that run. */
  async refresh(): Promise<void> {
    for (const job of await this._api.jobs()) {
      const known = this._known.get(job.id);
      if (!known || known.job.status !== job.status || known.events.length < job.events) {
        this._known.set(job.id, { job, events: known?.events ?? [] });
        if (job.status === 'running' || known) {
          await this._catchUp(job.id);
        }
      }
    }
    this._changed.emit();
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  private _onLost(): void {
    this._stale = true;
  }

  private _onEvent(_: Event.IManager, emission: Event.Emission): void {
    if (emission.schema_id !== SCHEMA) {
      return;
    }
    const event = emission as unknown as JobEvent;
    const known = this._known.get(event.job);
    if (!known || this._stale || event.number > known.events.length) {
      this._stale = false;
      void (known ? this._catchUp(event.job) : this.refresh());
      return;
    }
    this._take(event);
  }

  private _take(event: JobEvent): void {
    const known = this._known.get(event.job);
    if (!known || event.number !== known.events.length) {
      return; // seen already
    }
    known.events.push(event);
    this._event.emit(event);
    if (event.data.event === 'job-ended') {
      void this._catchUp(event.job);
    }
    this._changed.emit();
  }

  /** Ask for the events of a job that are not here yet. */
  private async _catchUp(id: string): Promise<void> {
    const known = this._known.get(id);
    if (!known) {
      return;
    }
    const { job, events } = await this._api.jobEvents(id, known.events.length);
    for (const event of events) {
      this._take(event);
    }
    this._update(job);
  }

  private _update(job: Job): void {
    const known = this._known.get(job.id);
    const wasRunning = !known || known.job.status === 'running';
    this._known.set(job.id, { job, events: known?.events ?? [] });
    if (wasRunning && job.status !== 'running') {
      this._ended.emit(job);
    }
    this._changed.emit();
  }

  private _known = new Map<string, { job: Job; events: JobEvent[] }>();
  private _changed = new Signal<this, void>(this);
  private _event = new Signal<this, JobEvent>(this);
  private _ended = new Signal<this, Job>(this);
  private _isDisposed = false;
  private _stale = false;
}
