import type { Cell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import { isWritable, taggedCells } from '../document';
import type { NbprodModel } from '../model';
import type { Settings } from '../settings';
import { Chip } from './chip';
import { cellLooks } from './marks';
import type { ICellLook } from './marks';

/**
 * Shows at each cell of a notebook its task. It only writes data attributes, from which the stylesheet draws, and only at
 * cells whose look has changed, once in a frame: so scrolling costs nothing, however long the notebook is.
 */
export class CellDecorator implements IDisposable {
  constructor(
    private _panel: NotebookPanel,
    private _model: NbprodModel,
    private _settings: Settings,
    commands: CommandRegistry,
    private _trans: TranslationBundle
  ) {
    this._chip = new Chip(commands, _trans);
    const { content } = _panel;
    content.modelContentChanged.connect(this._soon, this);
    content.modelChanged.connect(this._soon, this);
    content.activeCellChanged.connect(this._soon, this);
    _model.changed.connect(this._onModel, this);
    _settings.changed.connect(this._soon, this);
    _panel.disposed.connect(this.dispose, this);
    void _panel.context.ready.then(() => this._soon());
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    cancelAnimationFrame(this._frame);
    this._chip.dispose();
    Signal.clearData(this);
  }

  /** What is known of another notebook does not concern this one; when that comes to the front, this one is drawn a last time. */
  private _onModel(): void {
    const isFront = this._model.panel?.context === this._panel.context;
    if (isFront || this._wasFront) {
      this._wasFront = isFront;
      this._soon();
    }
  }

  private _soon(): void {
    if (!this._frame && !this._isDisposed) {
      this._frame = requestAnimationFrame(() => {
        this._frame = 0;
        this._draw();
      });
    }
  }

  private _draw(): void {
    const { _panel: panel, _model: model } = this;
    if (this._isDisposed || panel.isDisposed || !panel.content.model) {
      return;
    }
    if (model.panel?.context === panel.context) {
      this._analysis = model.analysis;
      this._states = model.states;
      this._executing = model.executingCell;
    } else {
      this._executing = null; // another notebook is in front: what was known of this one stays
    }
    const looks = cellLooks({
      cells: taggedCells(panel),
      analysis: this._analysis,
      states: this._states,
      choices: this._settings.choices,
      executing: this._executing,
      trans: this._trans
    });
    const isMarked = [...looks.values()].some(look => look.chip !== '');
    panel.content.node.classList.toggle('nbprod-mod-marked', isMarked);
    for (const cell of panel.content.widgets) {
      this._show(cell, looks.get(cell.model.id));
    }
    const active = panel.content.activeCell;
    this._chip.show(
      isMarked && isWritable(panel) ? active : null,
      (active && looks.get(active.model.id)?.chip) ?? ''
    );
  }

  private _show(cell: Cell, look: ICellLook | undefined): void {
    const key = look ? JSON.stringify(look) : '';
    if ((this._shown.get(cell) ?? '') === key) {
      return;
    }
    this._shown.set(cell, key);
    const { dataset, style } = cell.node;
    set(dataset, 'nbprodChip', look?.chip);
    set(dataset, 'nbprodKind', look?.kind);
    set(dataset, 'nbprodState', look?.state);
    set(dataset, 'nbprodBar', look?.hasBar ? 'true' : '');
    set(dataset, 'nbprodSkipped', look?.isSkipped ? 'true' : '');
    set(dataset, 'nbprodExecuting', look?.isExecuting ? 'true' : '');
    if (look?.color) {
      style.setProperty('--nbprod-task-color', look.color);
    } else {
      style.removeProperty('--nbprod-task-color');
    }
  }

  private _chip: Chip;
  private _analysis: NbprodModel['analysis'] = null;
  private _states: NbprodModel['states'] = new Map();
  private _executing: string | null = null;
  private _shown = new WeakMap<Cell, string>();
  private _wasFront = false;
  private _frame = 0;
  private _isDisposed = false;
}

function set(dataset: DOMStringMap, name: string, value: string | undefined): void {
  if (value) {
    dataset[name] = value;
  } else {
    delete dataset[name];
  }
}
