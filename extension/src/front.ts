import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import { contentOf } from './document';
import { isExecuted } from './run/executed';

/** The notebook in front. With what a run has left in front, the notebook that it comes from stays. */
export class FrontNotebook implements IDisposable {
  constructor(private _tracker: INotebookTracker) {
    this._tracker.currentChanged.connect(this._onCurrent, this);
    this._onCurrent();
  }

  /** Another notebook is in front, or none. */
  readonly changed = new Signal<this, void>(this);
  /** Its document can be read now. */
  readonly opened = new Signal<this, void>(this);
  readonly edited = new Signal<this, void>(this);
  readonly saved = new Signal<this, void>(this);
  /** It was renamed; told is the path that it had. */
  readonly moved = new Signal<this, string>(this);

  get panel(): NotebookPanel | null {
    return this._panel;
  }

  /** Its path as the server knows it, without a drive (`RTC:`). */
  get path(): string | null {
    return this._panel ? this._panel.context.path.replace(/^[A-Za-z]+:/, '') : null;
  }

  /** Whether the file holds what is in the editor, as far as pipelines go: a notebook is dirty also for its metadata. */
  get isSaved(): boolean {
    return this._panel !== null && this._stored !== null && contentOf(this._panel) === this._stored;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this._leave();
    Signal.clearData(this);
  }

  private _onCurrent(): void {
    const front = this._tracker.currentWidget;
    if (front === this._panel || (front && isExecuted(front.context.path) && this._panel)) {
      return;
    }
    this._leave();
    const panel = front && !isExecuted(front.context.path) ? front : null;
    this._panel = panel;
    this._known = this.path;
    if (panel) {
      panel.disposed.connect(this._onClosed, this);
      panel.content.modelContentChanged.connect(this._onEdited, this);
      panel.context.pathChanged.connect(this._onMoved, this);
      panel.context.saveState.connect(this._onSaved, this);
      panel.context.ready.then(
        () => this._onReady(panel),
        () => undefined // JupyterLab says itself that it cannot be opened
      );
    }
    this.changed.emit();
  }

  private _leave(): void {
    const panel = this._panel;
    this._panel = this._stored = null;
    if (panel && !panel.isDisposed) {
      panel.disposed.disconnect(this._onClosed, this);
      panel.content.modelContentChanged.disconnect(this._onEdited, this);
      panel.context.pathChanged.disconnect(this._onMoved, this);
      panel.context.saveState.disconnect(this._onSaved, this);
    }
  }

  private _onClosed(): void {
    this._panel = this._stored = null;
    this._onCurrent();
    if (!this._panel) {
      this.changed.emit();
    }
  }

  private _onReady(panel: NotebookPanel): void {
    if (panel === this._panel) {
      this._stored = panel.context.model.dirty ? null : contentOf(panel);
      this.opened.emit();
    }
  }

  private _onEdited(): void {
    this.edited.emit();
  }

  private _onMoved(): void {
    const old = this._known;
    this._known = this.path;
    if (old !== null) {
      this.moved.emit(old);
    }
  }

  private _onSaved(_: unknown, state: string): void {
    if (state.startsWith('completed') && this._panel) {
      this._stored = contentOf(this._panel);
      this.saved.emit();
    }
  }

  private _panel: NotebookPanel | null = null;
  private _known: string | null = null;
  /** What the file holds. */
  private _stored: string | null = null;
  private _isDisposed = false;
}
