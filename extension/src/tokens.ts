import type { ISignal } from '@lumino/signaling';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { JSX } from 'react';

import type { Api } from './api';
import type { ITaskState } from './states';
import type {
  Analysis,
  Job,
  JobEvent,
  JobKind,
  Problem,
  RunDetail,
  Suggestion,
  TaskPlan
} from './types';

export const PLUGIN_ID = 'nbprod:plugin';
export const PANEL_ID = 'nbprod-panel';

/** The commands of the extension. */
export namespace CommandIDs {
  export const open = 'nbprod:open-panel';
  export const showTab = 'nbprod:show-tab';
  export const refresh = 'nbprod:refresh-panel';
  export const run = 'nbprod:run-pipeline';
  export const runFile = 'nbprod:run-file-as-pipeline';
  export const runFrom = 'nbprod:run-from-task';
  export const runOnly = 'nbprod:run-only-task';
  export const force = 'nbprod:run-everything-anew';
  export const stop = 'nbprod:stop-work';
  export const suggest = 'nbprod:suggest-tasks';
  export const goToCell = 'nbprod:go-to-cell';
  export const goToTask = 'nbprod:go-to-task';
  export const openExecuted = 'nbprod:open-executed-notebook';
  export const openReport = 'nbprod:open-report';
  export const explore = 'nbprod:explore-task';
  export const cellMenu = 'nbprod:open-cell-menu';
  export const setTags = 'nbprod:set-tags';
  export const tagTask = 'nbprod:tag-with-task';
  export const tagRole = 'nbprod:tag-with-role';
  export const untag = 'nbprod:remove-task-tag';
  export const renameTask = 'nbprod:rename-task';
  export const mergeTask = 'nbprod:merge-with-task-above';
  export const splitTask = 'nbprod:split-task-here';
  export const undoTags = 'nbprod:undo-tags';
  export const redoTags = 'nbprod:redo-tags';
}

export type TabId = 'pipeline' | 'run' | 'runs' | 'sweep' | 'models';

/** The work of a job so far, from its events. */
export interface IProgress {
  readonly job: Job;
  /** In order; of a long log only the end is kept. The array is the same one all the time. */
  readonly events: readonly JobEvent[];
}

/** The jobs that the page knows of; it follows their events and asks for those that it lacks. */
export interface IJobs {
  readonly changed: ISignal<IJobs, void>;
  /** Each event as it comes, in order and once. */
  readonly event: ISignal<IJobs, JobEvent>;
  /** A job has ended. */
  readonly ended: ISignal<IJobs, Job>;
  /** Of one notebook, newest first; of all without a path. */
  list(path?: string, kind?: JobKind): readonly IProgress[];
  /** The newest one of a kind that is under way. */
  running(path: string, ...kinds: JobKind[]): IProgress | null;
  /** Enter a job that was just started. */
  add(job: Job): void;
  /** Ask for the events of a job that ended before this page was there. */
  load(id: string): void;
  /** A notebook was renamed: its jobs go along. */
  move(from: string, to: string): void;
  stop(id: string): Promise<void>;
}

/** The notebook in front and what the server says of it. Views read it and ask commands for changes. */
export interface INbprodModel {
  readonly api: Api;
  readonly jobs: IJobs;
  /** Anything below has changed. */
  readonly changed: ISignal<INbprodModel, void>;
  readonly panel: NotebookPanel | null;
  /** The path of the notebook in front, as the server's API wants it; null without one. */
  readonly path: string | null;
  readonly analysis: Analysis | null;
  /** Why there is no analysis. */
  readonly problem: Problem | null;
  /** What a run would do now; null while it is not known. */
  readonly plan: readonly TaskPlan[] | null;
  /** The newest run of this notebook that is no trial of a sweep. */
  readonly lastRun: RunDetail | null;
  /** How each task stands, from the job under way, the last run, the plan and what was edited since. */
  readonly states: ReadonlyMap<string, ITaskState>;
  /** Tasks that are proposed, until they are accepted or dismissed. */
  readonly suggestion: Suggestion | null;
  dismissSuggestion(): void;
  /** The id of the cell that the newest run calls by this number. */
  cellId(number: number): string | null;
  /** The values that the user has typed for this notebook's parameters. */
  readonly parameters: Readonly<Record<string, unknown>>;
  setParameter(name: string, value: unknown): void;
  /** Go back to the value that the notebook or `pipelines.yaml` gives. */
  clearParameter(name: string): void;
  clearParameters(): void;
  /** Look at the document, the jobs and the last run again now. */
  refresh(): Promise<void>;
}

export type { JSX };
