import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents, ServiceManager } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Debouncer, Poll } from '@lumino/polling';
import { Signal } from '@lumino/signaling';

import { ApiError } from './api';
import type { Api } from './api';
import { problemOf } from './components/problem';
import { documentOf, taggedCells } from './document';
import { FrontNotebook } from './front';
import type { Jobs } from './jobs';
import { progressOf } from './run/progress';
import type { IRunProgress } from './run/progress';
import { taskStates } from './states';
import type { ITaskState } from './states';
import type { INbprodModel } from './tokens';
import type { Analysis, Job, JobEvent, Problem, RunDetail, Suggestion, TaskPlan } from './types';

const ANALYSE_AFTER = 60; // ms without a keystroke
const PLAN_AFTER = 700;
const RECORD_AFTER = 150;
const LOOK_AGAIN = 3000; // while something is wrong that may be mended outside, or a run goes on elsewhere
const KINDS_THAT_RUN = ['run', 'sweep', 'promote'];

/** Keeps what the server says of the notebook in front up to date as the document changes. */
export class NbprodModel implements INbprodModel, IDisposable {
  constructor(
    readonly api: Api,
    readonly jobs: Jobs,
    tracker: INotebookTracker,
    services?: ServiceManager.IManager
  ) {
    this._analyseSoon = new Debouncer(() => this._analyse(), ANALYSE_AFTER);
    this._planSoon = new Debouncer(() => this._refreshPlan(), PLAN_AFTER);
    this._recordSoon = new Debouncer(() => this._refreshLastRun(), RECORD_AFTER);
    this._poll = new Poll({
      auto: false,
      name: 'nbprod:model',
      standby: 'when-hidden',
      factory: () => this._lookAgain(),
      frequency: { interval: LOOK_AGAIN, backoff: true, max: 30000 }
    });
    this._front = new FrontNotebook(tracker);
    this._front.changed.connect(this._onFront, this);
    this._front.opened.connect(this._onOpened, this);
    this._front.edited.connect(this._onEdited, this);
    this._front.saved.connect(this._onSaved, this);
    this._front.moved.connect(this._onMoved, this);
    this.jobs.event.connect(this._onEvent, this);
    this.jobs.ended.connect(this._onEnded, this);
    this.jobs.changed.connect(this._emit, this);
    services?.contents.fileChanged.connect(this._onFile, this);
  }

  get changed(): Signal<this, void> {
    return this._changed;
  }

  get panel(): NotebookPanel | null {
    return this._front.panel;
  }

  get path(): string | null {
    return this._front.path;
  }

  get analysis(): Analysis | null {
    return this._analysis;
  }

  get problem(): Problem | null {
    return this._problem;
  }

  get plan(): readonly TaskPlan[] | null {
    return this._plan;
  }

  get lastRun(): RunDetail | null {
    return this._lastRun;
  }

  get states(): ReadonlyMap<string, ITaskState> {
    this._states ??= taskStates({
      analysis: this._analysis,
      progress: this._progress(),
      lastRun: this._lastRun,
      plan: this._plan,
      planned: this._planned
    });
    return this._states;
  }

  get parameters(): Readonly<Record<string, unknown>> {
    return this._parameters.get(this.path ?? '') ?? {};
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  setParameter(name: string, value: unknown): void {
    this._setParameters({ ...this.parameters, [name]: value });
  }

  clearParameter(name: string): void {
    const others = Object.entries(this.parameters).filter(([other]) => other !== name);
    this._setParameters(Object.fromEntries(others));
  }

  clearParameters(): void {
    this._setParameters({});
  }

  /** Enter a run that was started from the notebook as it is in the editor now. */
  follow(job: Job): void {
    const cells = job.path === this.path && this.panel ? taggedCells(this.panel) : [];
    this._numbered.set(
      job.id,
      cells.filter(cell => cell.isCode).map(cell => cell.id)
    );
    this.jobs.add(job);
  }

  cellId(number: number): string | null {
    const newest = this.path ? this.jobs.list(this.path, 'run')[0] : undefined;
    const ids = newest && this._numbered.get(newest.job.id);
    const marked = this._analysis?.cells.find(cell => cell.number === number);
    return ids?.[number - 1] ?? marked?.id ?? null;
  }

  /** The id of the cell that the run under way executes; of several tasks that run, the first one's. */
  get executingCell(): string | null {
    for (const { state, cell } of this.states.values()) {
      if (state === 'running' && cell !== null) {
        return this.cellId(cell);
      }
    }
    return null;
  }

  get suggestion(): Suggestion | null {
    return this._suggestion;
  }

  async suggest(): Promise<void> {
    const { panel, path } = this;
    const document = panel && path ? documentOf(panel, path) : null;
    const suggestion = document && (await this.api.suggest(document));
    if (panel === this.panel) {
      this._suggestion = suggestion;
      this._emit();
    }
  }

  dismissSuggestion(): void {
    this._suggestion = null;
    this._emit();
  }

  async refresh(): Promise<void> {
    const jobs = this.jobs.refresh().catch(() => undefined); // the analysis says why
    await Promise.all([this._analyse(), this._refreshLastRun(), jobs]);
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._analyseSoon.dispose();
    this._planSoon.dispose();
    this._recordSoon.dispose();
    this._poll.dispose();
    this._front.dispose();
    Signal.clearData(this);
  }

  private async _analyse(): Promise<void> {
    const { panel, path } = this;
    const document = panel && path ? documentOf(panel, path) : null;
    if (!document) {
      this._analysis = this._problem = this._plan = null;
      this._emit();
      return;
    }
    const number = ++this._asked;
    try {
      const analysis = await this.api.analyse(document);
      if (number !== this._asked) {
        return; // a newer document is being looked at
      }
      this._analysis = analysis;
      this._problem = null;
      void this._planSoon.invoke();
    } catch (error) {
      if (number !== this._asked) {
        return;
      }
      const isAway = error instanceof ApiError && error.status === 0;
      if (!isAway) {
        this._analysis = this._plan = null; // a server that is away for a moment knows no better
      }
      this._problem = error instanceof ApiError ? Private.explained(error) : problemOf(error);
    }
    this._watch();
    this._emit();
  }

  /** What a run would do is asked of the file, so it is known only for a document that is saved. */
  private async _refreshPlan(): Promise<void> {
    const { path } = this;
    const tasks = this._analysis?.tasks;
    if (!path || !tasks?.length || !this._front.isSaved) {
      return; // the plan before the edit stays: `states` knows what was edited since
    }
    if (this.jobs.running(path, 'run')) {
      return; // it is asked for when the run has ended
    }
    if (this._analysis?.diagnostics.some(one => one.severity === 'error')) {
      this._plan = null; // what does not hold together cannot be planned
      this._emit();
      return;
    }
    const number = this._asked;
    const planned = new Map(tasks.map(task => [task.name, task.code]));
    try {
      const plan = await this.api.plan({ path, parameters: { ...this.parameters } as never });
      if (number === this._asked) {
        this._plan = plan.tasks;
        this._planned = planned;
      }
    } catch {
      this._plan = null; // the analysis has said what is wrong
    }
    this._emit();
  }

  private async _refreshLastRun(): Promise<void> {
    const { path } = this;
    if (!path) {
      return;
    }
    try {
      const { runs } = await this.api.runs(path, { limit: 20 });
      const newest = runs.find(run => run.sweep === null) ?? null;
      const detail = newest && (await this.api.run(path, newest.id));
      if (path === this.path) {
        this._lastRun = detail;
      }
    } catch {
      // the analysis says what is wrong; what is known of the last run stays
    }
    this._watch();
    this._emit();
  }

  /** The run under way, or one that has ended and whose record is not here yet. */
  private _progress(): IRunProgress | null {
    const newest = this.path ? this.jobs.list(this.path, 'run')[0] : undefined;
    if (!newest) {
      return null;
    }
    const { job } = newest;
    const recorded = this._lastRun?.run;
    const isRecorded = recorded && (recorded.id === job.run || recorded.created > job.created);
    if (job.status === 'running' || (!isRecorded && newest.events.length)) {
      return progressOf(newest);
    }
    return null;
  }

  private _setParameters(values: Record<string, unknown>): void {
    this._parameters.set(this.path ?? '', values);
    this._plan = null;
    void this._planSoon.invoke();
    this._emit();
  }

  private _onFront(): void {
    this._forget();
    this._emit();
  }

  private _onOpened(): void {
    void this.refresh();
  }

  private _onEdited(): void {
    void this._analyseSoon.invoke();
  }

  private _onSaved(): void {
    void this._planSoon.invoke();
  }

  private _onMoved(_: unknown, old: string): void {
    if (this.path) {
      this.jobs.move(old, this.path);
      this._parameters.set(this.path, this._parameters.get(old) ?? {});
    }
    this._forget();
    void this.refresh();
  }

  private _forget(): void {
    this._asked += 1;
    this._analysis = this._problem = this._plan = this._lastRun = this._suggestion = null;
    this._planned = new Map();
  }

  /** `pipelines.yaml` was saved in this JupyterLab. */
  private _onFile(_: unknown, change: Contents.IChangedArgs): void {
    if (change.newValue?.path?.endsWith('pipelines.yaml')) {
      void this._analyseSoon.invoke();
    }
  }

  private _onEvent(_: unknown, { path, data }: JobEvent): void {
    if (path === this.path && data.event === 'task-finished' && data.status === 'failed') {
      void this._recordSoon.invoke(); // the record knows the line
    }
  }

  private _onEnded(_: unknown, job: Job): void {
    if (job.path === this.path && KINDS_THAT_RUN.includes(job.kind)) {
      if (job.kind === 'run') {
        this._plan = null; // what was planned before it would call its results out of date until the next plan is here
        this._states = null;
      }
      void this._recordSoon.invoke();
      void this._analyseSoon.invoke(); // a run teaches facts
    }
  }

  private async _lookAgain(): Promise<void> {
    await Promise.all([
      this._problem || this._analysis?.config_problem ? this._analyse() : undefined,
      this._runsElsewhere() ? this._refreshLastRun() : undefined
    ]);
  }

  private _runsElsewhere(): boolean {
    const isRunning = this._lastRun?.run.status === 'running';
    return isRunning && !(this.path && this.jobs.running(this.path, 'run'));
  }

  private _watch(): void {
    if (this._isDisposed) {
      return;
    }
    const isWanted = !!this._problem || !!this._analysis?.config_problem || this._runsElsewhere();
    if (isWanted !== this._isPolling) {
      this._isPolling = isWanted;
      void (isWanted
        ? this._poll.schedule({ phase: 'started', interval: LOOK_AGAIN })
        : this._poll.stop());
    }
  }

  private _emit(): void {
    this._states = null;
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _analyseSoon: Debouncer;
  private _planSoon: Debouncer;
  private _recordSoon: Debouncer;
  private _poll: Poll;
  private _isPolling = false;
  private _front: FrontNotebook;
  private _analysis: Analysis | null = null;
  private _problem: Problem | null = null;
  private _plan: readonly TaskPlan[] | null = null;
  private _planned: ReadonlyMap<string, string> = new Map();
  private _lastRun: RunDetail | null = null;
  private _states: ReadonlyMap<string, ITaskState> | null = null;
  private _suggestion: Suggestion | null = null;
  /** The cells by number as they were when a run was started from here. */
  private _numbered = new Map<string, readonly string[]>();
  private _parameters = new Map<string, Record<string, unknown>>();
  private _asked = 0;
  private _changed = new Signal<this, void>(this);
  private _isDisposed = false;
}

namespace Private {
  export function explained(error: ApiError): Problem {
    if (!error.isMissing) {
      return error.problem;
    }
    const what = 'The server runs without nbprod.';
    const fix = 'Install it where JupyterLab runs: pip install nbprod, then restart JupyterLab.';
    return { ...error.problem, what, fix, message: `${what} ${fix}` };
  }
}
