import type { Cell } from '@jupyterlab/cells';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { IDisposable } from '@lumino/disposable';

import { CommandIDs } from '../tokens';

/** The chip of the active cell, as a button that opens the cell's menu. The others are drawn by the stylesheet. */
export class Chip implements IDisposable {
  constructor(
    private _commands: CommandRegistry,
    private _trans: TranslationBundle
  ) {
    const node = document.createElement('button');
    node.type = 'button';
    node.className = 'nbprod-Chip';
    node.setAttribute('aria-haspopup', 'menu');
    // Enter opens the menu, and does not go to the cell's editor.
    node.setAttribute('data-lm-suppress-shortcuts', 'true');
    node.addEventListener('mousedown', stop);
    node.addEventListener('click', this._onClick);
    this._node = node;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Show the chip at a cell, or nowhere. */
  show(cell: Cell | null, text: string): void {
    const target = cell?.model.type === 'code' && !cell.isDisposed ? cell.node : null;
    if (this._cell !== target) {
      delete this._cell?.dataset.nbprodActive;
      this._cell = target;
    }
    if (!target) {
      this._node.remove();
      return;
    }
    target.dataset.nbprodActive = 'true'; // the stylesheet draws no chip here; `:has()` would be asked about all cells
    const shown = text || this._trans.__('no task');
    if (this._node.textContent !== shown) {
      this._node.textContent = shown;
      this._node.setAttribute(
        'aria-label',
        this._trans.__('Task of this cell: %1. Change it', shown)
      );
    }
    if (this._node.parentElement !== target) {
      target.append(this._node); // the last child: a cell's layout inserts before its own ones
    }
  }

  dispose(): void {
    this._isDisposed = true;
    delete this._cell?.dataset.nbprodActive;
    this._node.remove();
  }

  private _onClick = (event: MouseEvent): void => {
    event.stopPropagation();
    void this._commands.execute(CommandIDs.cellMenu);
  };

  private _node: HTMLButtonElement;
  private _cell: HTMLElement | null = null;
  private _isDisposed = false;
}

function stop(event: Event): void {
  event.stopPropagation();
}
