import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents, ServiceManager } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Debouncer, Poll } from '@lumino/polling';
import { Signal } from '@lumino/signaling';

import { ApiError } from './api';
import type { Api } from './api';
import { problemOf } from './components/problem';
import { contentOf, documentOf, taggedCells } from './document';
import type { Jobs } from './jobs';
import { isExecuted } from './run/executed';
import { progressOf } from './run/progress';
import type { IRunProgress } from './run/progress';
import { taskStates } from './states';
import type { ITaskState } from './states';
import type { INbprodModel } from './tokens';
import type { Analysis, Job, JobEvent, Problem, RunDetail, Suggestion, TaskPlan } from './types';

const ANALYSE_AFTER = 100; // ms without a keystroke
const PLAN_AFTER = 700;
const RECORD_AFTER = 150;
const LOOK_AGAIN = 3000; // while something is wrong that may be mended outside, or a run goes on elsewhere
const KINDS_THAT_RUN = ['run', 'sweep', 'promote'];

/** Keeps what the server says of the notebook in front up to date as the document changes. */
export class NbprodModel implements INbprodModel, IDisposable {
  constructor(
    readonly api: Api,
    readonly jobs: Jobs,
    private _tracker: INotebookTracker,
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
    this._tracker.currentChanged.connect(this._onCurrent, this);
    this.jobs.event.connect(this._onEvent, this);
    this.jobs.ended.connect(this._onEnded, this);
    this.jobs.changed.connect(this._emit, this);
    services?.contents.fileChanged.connect(this._onFile, this);
    this._onCurrent();
  }

  get changed(): Signal<this, void> {
    return this._changed;
  }

  get panel(): NotebookPanel | null {
    return this._panel;
  }

  get path(): string | null {
    return this._panel ? Private.localPath(this._panel.context.path) : null;
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
    const cells = job.path === this.path && this._panel ? taggedCells(this._panel) : [];
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
    if (panel === this._panel) {
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
    this._leave();
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
    const { panel, path } = this;
    const tasks = this._analysis?.tasks;
    if (!panel || !path || !tasks?.length || contentOf(panel) !== this._saved) {
      return; // the plan before the edit stays: `states` knows what was edited since
    }
    if (this.jobs.running(path, 'run')) {
      return; // it is asked for when the run has ended
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

  private _onCurrent(): void {
    const panel = this._tracker.currentWidget;
    if (panel === this._panel || (panel && isExecuted(panel.context.path) && this._panel)) {
      return; // with what a run has left in front, the notebook that it comes from stays
    }
    this._leave();
    this._panel = panel && !isExecuted(panel.context.path) ? panel : null;
    this._oldPath = this.path;
    this._forget();
    if (this._panel && panel) {
      panel.disposed.connect(this._onClosed, this);
      panel.content.modelContentChanged.connect(this._onContent, this);
      panel.context.pathChanged.connect(this._onPath, this);
      panel.context.saveState.connect(this._onSaved, this);
      panel.context.ready.then(
        () => {
          if (panel === this._panel) {
            this._saved = panel.context.model.dirty ? null : contentOf(panel);
            void this.refresh();
          }
        },
        () => undefined // JupyterLab says itself that it cannot be opened
      );
    }
    this._emit();
  }

  private _onClosed(): void {
    this._panel = null;
    this._forget();
    this._onCurrent();
  }

  private _forget(): void {
    this._asked += 1;
    this._analysis = this._problem = this._plan = this._lastRun = this._saved = null;
    this._suggestion = null;
    this._planned = new Map();
  }

  private _leave(): void {
    if (this._panel && !this._panel.isDisposed) {
      this._panel.disposed.disconnect(this._onClosed, this);
      this._panel.content.modelContentChanged.disconnect(this._onContent, this);
      this._panel.context.pathChanged.disconnect(this._onPath, this);
      this._panel.context.saveState.disconnect(this._onSaved, this);
    }
    this._panel = null;
  }

  private _onContent(): void {
    void this._analyseSoon.invoke();
  }

  private _onPath(): void {
    const saved = this._saved;
    if (this._oldPath && this.path) {
      this.jobs.move(this._oldPath, this.path);
      this._parameters.set(this.path, this._parameters.get(this._oldPath) ?? {});
    }
    this._oldPath = this.path;
    this._forget();
    this._saved = saved;
    void this.refresh();
  }

  private _onSaved(_: unknown, state: string): void {
    if (state.startsWith('completed')) {
      this._saved = this._panel && contentOf(this._panel);
      void this._planSoon.invoke();
    }
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
  private _panel: NotebookPanel | null = null;
  private _oldPath: string | null = null;
  private _analysis: Analysis | null = null;
  private _problem: Problem | null = null;
  private _plan: readonly TaskPlan[] | null = null;
  private _planned: ReadonlyMap<string, string> = new Map();
  private _lastRun: RunDetail | null = null;
  private _states: ReadonlyMap<string, ITaskState> | null = null;
  private _suggestion: Suggestion | null = null;
  /** The cells by number as they were when a run was started from here. */
  private _numbered = new Map<string, readonly string[]>();
  /** What the file holds as far as it matters here; a notebook is dirty also for its metadata. */
  private _saved: string | null = null;
  private _parameters = new Map<string, Record<string, unknown>>();
  private _asked = 0;
  private _changed = new Signal<this, void>(this);
  private _isDisposed = false;
}

namespace Private {
  /** A path without its drive (`RTC:`), as the server knows it. */
  export function localPath(path: string): string {
    return path.replace(/^[A-Za-z]+:/, '');
  }

  export function explained(error: ApiError): Problem {
    if (!error.isMissing) {
      return error.problem;
    }
    const what = 'The server runs without nbprod.';
    const fix = 'Install it where JupyterLab runs: pip install nbprod, then restart JupyterLab.';
    return { ...error.problem, what, fix, message: `${what} ${fix}` };
  }
}
