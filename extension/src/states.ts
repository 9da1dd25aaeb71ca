/** How tasks stand: from the run under way, the last run, the plan, and what was edited since the plan was made. */
import type { IRunProgress } from './run/progress';
import type { Analysis, Problem, RunDetail, TaskPlan } from './types';

export interface ITaskState {
  /** A run's state of a task, `outdated` if a run would compute it anew, or `new` if none has yet. */
  readonly state: string;
  readonly seconds: number | null;
  /** Why it ran, was cached, or would run. */
  readonly reason: string;
  /** What a failed one says; as a problem with its place once the run is recorded. */
  readonly error: Problem | null;
  /** The run whose result this is. */
  readonly run: string | null;
  /** Of a running task: the number of the cell that is being executed, and how far that is. */
  readonly cell: number | null;
  readonly done: number;
  readonly total: number;
}

export interface ISources {
  readonly analysis: Analysis | null;
  /** The run under way, or the one that has just ended and is not recorded in `lastRun` yet. */
  readonly progress: IRunProgress | null;
  readonly lastRun: RunDetail | null;
  readonly plan: readonly TaskPlan[] | null;
  /** The code of each task when the plan was made: what differs now has been edited since. */
  readonly planned: ReadonlyMap<string, string>;
}

const GOOD = ['done', 'cached'];

/** The state of each task of the analysis that has one. */
export function taskStates(sources: ISources): Map<string, ITaskState> {
  const { analysis, progress } = sources;
  const states = new Map<string, ITaskState>();
  const edited = progress ? new Map<string, string>() : editedTasks(sources);
  for (const task of analysis?.tasks ?? []) {
    const live = progress ? liveState(task.name, progress) : null;
    const state = live ?? restState(task.name, sources, edited);
    if (state) {
      states.set(task.name, state);
    }
  }
  return states;
}

function liveState(name: string, progress: IRunProgress): ITaskState | null {
  const task = progress.tasks.get(name);
  if (!task) {
    return null;
  }
  return {
    state: task.state,
    seconds: task.seconds,
    reason: task.reason,
    error: task.error === null ? null : plainProblem(task.error, name),
    run: task.cachedFrom ?? progress.run,
    cell: task.state === 'running' ? task.cell : null,
    done: task.index,
    total: task.total
  };
}

function restState(
  name: string,
  { lastRun, plan }: ISources,
  edited: ReadonlyMap<string, string>
): ITaskState | null {
  const last = lastRun?.tasks.find(task => task.task === name);
  const planned = plan?.find(task => task.name === name);
  const state: ITaskState = {
    state: last?.status ?? '',
    seconds: last?.seconds ?? null,
    reason: last?.reason ?? '',
    error: last?.error ?? null,
    run: last?.cached_from ?? lastRun?.run.id ?? null,
    cell: null,
    done: 0,
    total: 0
  };
  if (lastRun?.run.status === 'running') {
    return { ...state, state: last?.status ?? 'pending' }; // a run that was started elsewhere
  }
  const why = edited.get(name) ?? (planned && planned.action !== 'cached' ? planned.reason : null);
  const isGood = !last || GOOD.includes(last.status);
  if (why !== null && isGood) {
    return { ...state, state: last || edited.has(name) ? 'outdated' : 'new', reason: why };
  }
  if (planned?.action === 'cached' && !(last && isGood)) {
    return { ...state, state: 'cached', reason: planned.reason, error: null };
  }
  return last ? state : null;
}

/** Tasks whose code was edited since they were planned as cached, and all that comes after those, with the reason. */
function editedTasks({ analysis, plan, planned }: ISources): Map<string, string> {
  const cached = new Set(plan?.filter(one => one.action === 'cached').map(one => one.name));
  const edited = new Map<string, string>();
  const tasks = analysis?.tasks ?? [];
  for (const task of tasks) {
    const code = planned.get(task.name);
    if (cached.has(task.name) && code !== undefined && code !== task.code) {
      edited.set(task.name, 'its code was edited');
    }
  }
  for (let grew = edited.size > 0; grew;) {
    grew = false;
    for (const task of tasks) {
      const source = task.upstream.find(one => edited.has(one));
      if (source !== undefined && !edited.has(task.name)) {
        edited.set(task.name, `${source} was edited`);
        grew = true;
      }
    }
  }
  return edited;
}

function plainProblem(message: string, task: string): Problem {
  return { message, what: message, fix: null, file: null, task, cell: null, line: null };
}
