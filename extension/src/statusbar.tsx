import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import { TextItem } from '@jupyterlab/statusbar';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { stateText } from './cells/marks';
import type { NbprodModel } from './model';
import { CommandIDs } from './tokens';
import type { JSX } from './tokens';

/** In the status bar: the task of the active cell, and how the run stands. */
export class StatusItem extends ReactWidget {
  constructor(
    private _model: NbprodModel,
    tracker: INotebookTracker,
    private _commands: CommandRegistry,
    private _trans: TranslationBundle
  ) {
    super();
    this.addClass('nbprod-StatusItem');
    tracker.activeCellChanged.connect(() => this.update(), this);
  }

  render(): JSX.Element {
    return <UseSignal signal={this._model.changed}>{() => this._item()}</UseSignal>;
  }

  private _item(): JSX.Element | null {
    const { _model: model, _trans: trans } = this;
    const text = statusText(model, trans);
    if (!text) {
      return null;
    }
    const isRunning = !!model.path && !!model.jobs.running(model.path, 'run');
    const open = (): void =>
      void this._commands.execute(CommandIDs.open, { tab: isRunning ? 'run' : 'pipeline' });
    return (
      <button
        type="button"
        className="nbprod-StatusItem-button"
        onClick={open}
        title={trans.__('Show nbprod')}
      >
        <TextItem source={text} />
      </button>
    );
  }
}

/** The task of the active cell with its state, and how far a run is. */
export function statusText(model: NbprodModel, trans: TranslationBundle): string {
  const id = model.panel?.content.activeCell?.model.id;
  const task = model.analysis?.tagged
    ? model.analysis.cells.find(cell => cell.id === id)?.task
    : null;
  const state = task ? model.states.get(task) : undefined;
  const parts = task ? [state ? `${task}: ${stateText(state, trans)}` : task] : [];
  if (model.path && model.jobs.running(model.path, 'run')) {
    const all = [...model.states.values()];
    const ended = all.filter(one => !['pending', 'queued', 'running'].includes(one.state)).length;
    parts.push(trans.__('running %1/%2', ended, all.length));
  }
  return parts.join('  |  ');
}
