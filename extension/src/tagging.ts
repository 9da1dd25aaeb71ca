import type { NotebookPanel } from '@jupyterlab/notebook';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import { isWritable, setTags, tagsOf } from './document';
import type { Edits } from './tags';

/** Tags of cells before and after one change. */
interface IChange {
  readonly label: string;
  readonly before: Edits;
  readonly after: Edits;
}

interface IHistory {
  readonly done: IChange[];
  readonly undone: IChange[];
}

const MOST = 200;

/** The one place that changes tags: JupyterLab does not undo a cell's metadata, so it keeps the way back. */
export class Tagging {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Give cells these tags. Answers whether anything has changed. */
  apply(panel: NotebookPanel, edits: Edits, label: string): boolean {
    if (!isWritable(panel)) {
      return false;
    }
    const before = write(panel, edits);
    if (!before.size) {
      return false;
    }
    const history = this._of(panel);
    history.done.push({ label, before, after: edits });
    history.done.splice(0, Math.max(0, history.done.length - MOST));
    history.undone.length = 0;
    this._changed.emit();
    return true;
  }

  /** What would be undone. */
  undoable(panel: NotebookPanel): string | null {
    return this._of(panel).done.slice(-1)[0]?.label ?? null;
  }

  redoable(panel: NotebookPanel): string | null {
    return this._of(panel).undone.slice(-1)[0]?.label ?? null;
  }

  undo(panel: NotebookPanel): void {
    const { done, undone } = this._of(panel);
    const change = isWritable(panel) ? done.pop() : undefined;
    if (change) {
      write(panel, change.before);
      undone.push(change);
      this._changed.emit();
    }
  }

  redo(panel: NotebookPanel): void {
    const { done, undone } = this._of(panel);
    const change = isWritable(panel) ? undone.pop() : undefined;
    if (change) {
      write(panel, change.after);
      done.push(change);
      this._changed.emit();
    }
  }

  private _of(panel: NotebookPanel): IHistory {
    let history = this._histories.get(panel.context);
    if (!history) {
      history = { done: [], undone: [] };
      this._histories.set(panel.context, history);
    }
    return history;
  }

  // Views of one document share its history.
  private _histories = new WeakMap<NotebookPanel['context'], IHistory>();
  private _changed = new Signal<this, void>(this);
}

/** Write tags as one change of the document; returns those that the changed cells had. A cell that is gone is left out. */
function write(panel: NotebookPanel, edits: Edits): Edits {
  const before = new Map<string, readonly string[]>();
  const model = panel.content.model;
  model?.sharedModel.transact(() => {
    for (const cell of model.cells) {
      const tags = edits.get(cell.id);
      const had = tagsOf(cell);
      if (tags && JSON.stringify(tags) !== JSON.stringify(had)) {
        before.set(cell.id, had);
        setTags(cell, tags);
      }
    }
  }, false);
  return before;
}
