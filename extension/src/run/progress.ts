/** What the events of a run say of its tasks. */
import type { IProgress } from '../tokens';
import type { IEventData, JobEvent } from '../types';

/** A task of a run that is under way, or was. */
export interface ITaskProgress {
  readonly name: string;
  readonly state: string;
  readonly reason: string;
  readonly seconds: number | null;
  readonly error: string | null;
  readonly cachedFrom: string | null;
  /** The number of the cell that it executes, or at which it stopped. */
  readonly cell: number | null;
  /** How many of its cells come before that one, and how many there are. */
  readonly index: number;
  readonly total: number;
}

export interface ILogLine {
  readonly number: number;
  readonly task: string;
  readonly stream: string;
  readonly text: string;
}

export interface IRunProgress {
  readonly run: string | null;
  readonly tasks: ReadonlyMap<string, ITaskProgress>;
  readonly log: readonly ILogLine[];
  readonly metrics: Readonly<Record<string, number>>;
  readonly seconds: number | null;
  /** When it started, in seconds since 1970. */
  readonly started: number | null;
}

/** The progress of a run's job; each event is read once however often this is asked. */
export function progressOf({ job, events }: IProgress): IRunProgress {
  let reader = READERS.get(events);
  if (!reader) {
    reader = new Reader();
    READERS.set(events, reader);
  }
  reader.read(events);
  if (job.status !== 'running') {
    reader.end();
  }
  return reader;
}

class Reader implements IRunProgress {
  run: string | null = null;
  readonly tasks = new Map<string, ITaskProgress>();
  log: ILogLine[] = [];
  metrics: Record<string, number> = {};
  seconds: number | null = null;
  started: number | null = null;

  read(events: readonly JobEvent[]): void {
    let first = events.length;
    while (first > 0 && events[first - 1].number > this._last) {
      first -= 1;
    }
    for (const event of events.slice(first)) {
      this._last = event.number;
      this._take(event);
    }
    const oldest = events.find(one => one.data.event === 'task-log')?.number ?? 0;
    if (this.log.length && this.log[0].number < oldest) {
      this.log = this.log.filter(line => line.number >= oldest);
    }
  }

  /** Nothing is under way any more: what has not ended was stopped. */
  end(): void {
    for (const task of this.tasks.values()) {
      if (['pending', 'queued', 'running'].includes(task.state)) {
        this._set(task.name, { state: 'cancelled' });
      }
    }
  }

  private _take({ number, data }: JobEvent): void {
    const task = text(data.task);
    switch (data.event) {
      case 'run-started':
        this.run = text(data.run);
        this.started = typeof data.at === 'number' ? data.at : null;
        strings(data.tasks).forEach(name => this._set(name, {}));
        break;
      case 'task-queued':
        this._set(task, { state: 'queued', reason: text(data.reason) });
        break;
      case 'task-started':
        this._set(task, { state: 'running', reason: text(data.reason), error: null, cell: null });
        break;
      case 'task-cell':
        this._set(task, {
          cell: amount(data.cell),
          index: (amount(data.index) ?? 1) - 1,
          total: amount(data.total) ?? 0
        });
        break;
      case 'task-log':
        this.log.push({ number, task, stream: text(data.stream), text: text(data.text) });
        break;
      case 'task-finished':
        this._finish(task, data);
        break;
      case 'replanned':
        strings(data.pending).forEach(name => this._set(name, { state: 'pending' }));
        break;
      case 'run-finished':
        this.seconds = amount(data.seconds);
        this.metrics = (data.metrics ?? {}) as Record<string, number>;
        break;
    }
  }

  private _finish(task: string, data: IEventData): void {
    this._set(task, {
      state: text(data.status),
      seconds: amount(data.seconds),
      reason: text(data.reason),
      error: typeof data.error === 'string' ? data.error : null,
      cachedFrom: typeof data.cached_from === 'string' ? data.cached_from : null
    });
  }

  private _set(name: string, change: Partial<ITaskProgress>): void {
    this.tasks.set(name, { ...EMPTY, ...this.tasks.get(name), ...change, name });
  }

  private _last = -1;
}

const READERS = new WeakMap<readonly JobEvent[], Reader>();

const EMPTY: ITaskProgress = {
  name: '',
  state: 'pending',
  reason: '',
  seconds: null,
  error: null,
  cachedFrom: null,
  cell: null,
  index: 0,
  total: 0
};

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function amount(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}
