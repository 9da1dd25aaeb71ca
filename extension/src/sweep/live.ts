/** A sweep as it stands, from the server's answer and the events that have come since. */
import type { IEventData, JobEvent, Run, Sweep, Trial } from '../types';

const FINISHED = ['done', 'cached', 'failed', 'cancelled', 'skipped', 'lost'];

export function isFinished(status: string): boolean {
  return FINISHED.includes(status);
}

/** How many trials there is an outcome of; those that were stopped or lost are made up for when a sweep goes on. */
export function countEnded(trials: readonly Trial[]): number {
  return trials.filter(one => ['done', 'cached', 'failed'].includes(one.status)).length;
}

/** The id of the sweep that a job does; null until it has said so. */
export function sweepIdOf(events: readonly JobEvent[]): string | null {
  const started = events.find(one => one.data.event === 'sweep-started');
  const id = started?.data.sweep;
  return typeof id === 'string' ? id : null;
}

/** The trials with what events have told of them since; a trial that has ended never goes back. */
export function mergeTrials(trials: readonly Trial[], events: readonly JobEvent[]): Trial[] {
  const byNumber = new Map(trials.map(one => [one.number, one]));
  for (const { data } of events) {
    if (data.event !== 'trial' || typeof data.number !== 'number') {
      continue;
    }
    const known = byNumber.get(data.number);
    const told = trialOf(data);
    if (!known || !isFinished(known.status) || isFinished(told.status)) {
      byNumber.set(told.number, told);
    }
  }
  return [...byNumber.values()].sort((a, b) => a.number - b.number);
}

function trialOf(data: IEventData): Trial {
  const one = data as unknown as Partial<Trial>;
  return {
    number: one.number ?? 0,
    status: one.status ?? 'running',
    parameters: one.parameters ?? {},
    run: one.run ?? null,
    metrics: one.metrics ?? {},
    tasks: one.tasks ?? {},
    error: one.error ?? null,
    seconds: one.seconds ?? null
  };
}

/** The trial that did best; null while none has succeeded. */
export function bestOf(
  trials: readonly Trial[],
  metric: string,
  direction: Sweep['direction']
): Trial | null {
  const sign = direction === 'minimize' ? 1 : -1;
  const score = (trial: Trial | null): number => sign * (trial?.metrics[metric] ?? sign * Infinity);
  return trials.reduce<Trial | null>((best, one) => (score(one) < score(best) ? one : best), null);
}

/** How many tasks of all trials did not have to run, since an earlier run or trial had done the same. */
export function reuse(trials: readonly Trial[]): { reused: number; total: number } {
  let reused = 0;
  let total = 0;
  for (const { tasks } of trials) {
    reused += tasks.cached ?? 0;
    total += Object.values(tasks).reduce((sum, count) => sum + count, 0);
  }
  return { reused, total };
}

/** Trials in the order of a column: `number`, `status`, `seconds`, `metric:NAME` or `parameter:NAME`. */
export function sortTrials(trials: readonly Trial[], key: string, order: 'asc' | 'desc'): Trial[] {
  const sign = order === 'asc' ? 1 : -1;
  return [...trials].sort((a, b) => {
    const [x, y] = [valueOf(a, key), valueOf(b, key)];
    if (x === null || y === null) {
      return x === y ? a.number - b.number : x === null ? 1 : -1; // what is unknown stands last
    }
    const less =
      typeof x === 'number' && typeof y === 'number' ? x - y : text(x).localeCompare(text(y));
    return sign * less || a.number - b.number;
  });
}

function valueOf(trial: Trial, key: string): unknown {
  const [kind, name] = [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)];
  switch (kind) {
    case 'metric':
      return trial.metrics[name] ?? null;
    case 'parameter':
      return trial.parameters[name] ?? null;
    default:
      return key === 'status' ? trial.status : key === 'seconds' ? trial.seconds : trial.number;
  }
}

function text(one: unknown): string {
  return typeof one === 'string' ? one : JSON.stringify(one);
}

/** Whether a sweep is under way, by its own state or by that of its job. */
export function isGoing(status: Run['status']): boolean {
  return status === 'running' || status === 'pending';
}
