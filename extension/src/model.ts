import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Debouncer } from '@lumino/polling';
import { Signal } from '@lumino/signaling';

import { ApiError } from './api';
import type { Api } from './api';
import { documentOf } from './document';
import type { Jobs } from './jobs';
import type { INbprodModel } from './tokens';
import type { Analysis, Job, Problem, TaskPlan } from './types';

const ANALYSE_AFTER = 120; // ms without a keystroke
const PLAN_AFTER = 900;

/** Keeps what the server says of the notebook in front up to date as the document changes. */
export class NbprodModel implements INbprodModel, IDisposable {
  constructor(
    readonly api: Api,
    readonly jobs: Jobs,
    private _tracker: INotebookTracker
  ) {
    this._analyse = new Debouncer(() => this.refresh(), ANALYSE_AFTER);
    this._ask = new Debouncer(() => this._refreshPlan(), PLAN_AFTER);
    this._tracker.currentChanged.connect(this._onCurrent, this);
    this.jobs.ended.connect(this._onEnded, this);
    this.jobs.changed.connect(this._emit, this);
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

  get parameters(): Readonly<Record<string, unknown>> {
    return this._parameters.get(this.path ?? '') ?? {};
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  setParameter(name: string, value: unknown): void {
    this._parameters.set(this.path ?? '', { ...this.parameters, [name]: value });
    this._plan = null;
    void this._ask.invoke();
    this._emit();
  }

  clearParameters(): void {
    this._parameters.delete(this.path ?? '');
    void this._ask.invoke();
    this._emit();
  }

  async refresh(): Promise<void> {
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
      void this._ask.invoke();
    } catch (error) {
      if (number !== this._asked) {
        return;
      }
      this._analysis = this._plan = null;
      this._problem = error instanceof ApiError ? Private.explained(error) : Private.text(error);
    }
    this._emit();
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._analyse.dispose();
    this._ask.dispose();
    this._leave();
    Signal.clearData(this);
  }

  /** What a run would do is asked of the file, so it is known only for a document that is saved. */
  private async _refreshPlan(): Promise<void> {
    const { panel, path } = this;
    if (!panel || !path || panel.context.model.dirty || !this._analysis?.tasks.length) {
      this._plan = null;
      this._emit();
      return;
    }
    const number = this._asked;
    try {
      const plan = await this.api.plan({ path, parameters: { ...this.parameters } });
      this._plan = number === this._asked ? plan.tasks : this._plan;
    } catch {
      this._plan = null; // the analysis has said what is wrong
    }
    this._emit();
  }

  private _onCurrent(): void {
    const panel = this._tracker.currentWidget;
    if (panel === this._panel) {
      return;
    }
    this._leave();
    this._panel = panel;
    this._analysis = this._problem = this._plan = null;
    if (panel) {
      panel.content.modelContentChanged.connect(this._onContent, this);
      panel.context.pathChanged.connect(this._onContent, this);
      panel.context.saveState.connect(this._onSaved, this);
      void panel.context.ready.then(() => this.refresh());
    }
    this._emit();
  }

  private _leave(): void {
    if (this._panel && !this._panel.isDisposed) {
      this._panel.content.modelContentChanged.disconnect(this._onContent, this);
      this._panel.context.pathChanged.disconnect(this._onContent, this);
      this._panel.context.saveState.disconnect(this._onSaved, this);
    }
    this._panel = null;
  }

  private _onContent(): void {
    void this._analyse.invoke();
  }

  private _onSaved(_: unknown, state: string): void {
    if (state === 'completed' || state === 'completed manually') {
      void this._ask.invoke();
    }
  }

  private _onEnded(_: unknown, job: Job): void {
    if (job.path === this.path && job.kind !== 'serve') {
      void this._analyse.invoke(); // a run teaches facts
    }
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _analyse: Debouncer;
  private _ask: Debouncer;
  private _panel: NotebookPanel | null = null;
  private _analysis: Analysis | null = null;
  private _problem: Problem | null = null;
  private _plan: readonly TaskPlan[] | null = null;
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

  export function text(error: unknown): Problem {
    const message = error instanceof Error ? error.message : String(error);
    return { message, what: message, fix: null, file: null, task: null, cell: null, line: null };
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
