import type { CommandRegistry } from '@lumino/commands';
import type { TranslationBundle } from '@jupyterlab/translation';
import { fastForwardIcon, runIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { taskColors } from '../cells/colors';
import { Status } from '../components/status';
import { duration } from '../format';
import type { ITaskState } from '../states';
import { CommandIDs } from '../tokens';
import type { JSX } from '../tokens';

interface ITasksProps {
  readonly names: readonly string[];
  readonly states: ReadonlyMap<string, ITaskState>;
  readonly commands: CommandRegistry;
  readonly trans: TranslationBundle;
}

/** The tasks of a run, each with its state; of one that runs, the cell that it executes. */
export function Tasks({ names, states, commands, trans }: ITasksProps): JSX.Element {
  const colors = taskColors(names);
  return (
    <ul className="nbprod-RunTasks" aria-label={trans.__('Tasks')}>
      {names.map(name => (
        <Task
          key={name}
          name={name}
          color={colors.get(name)}
          state={states.get(name)}
          commands={commands}
          trans={trans}
        />
      ))}
    </ul>
  );
}

interface ITaskProps extends Omit<ITasksProps, 'names' | 'states'> {
  readonly name: string;
  readonly color: string | undefined;
  readonly state: ITaskState | undefined;
}

function Task({ name, color, state, commands, trans }: ITaskProps): JSX.Element {
  const execute = (id: string, args: Record<string, string | number>): void =>
    void commands.execute(id, args);
  const time =
    state && state.seconds !== null && ['done', 'failed'].includes(state.state)
      ? duration(state.seconds)
      : undefined;
  const isRunning = state?.state === 'running';
  const canRun = commands.isEnabled(CommandIDs.runFrom, { task: name });
  return (
    <li className="nbprod-RunTasks-entry" style={{ borderLeftColor: color }}>
      <div className="nbprod-RunTasks-head">
        <button
          type="button"
          className="nbprod-Link nbprod-RunTasks-name"
          title={trans.__('Go to the task')}
          onClick={() => execute(CommandIDs.goToTask, { task: name })}
        >
          {name}
        </button>
        {state ? <Status state={state.state} trans={trans} detail={time} /> : null}
        <span className="nbprod-RunTasks-actions">
          <button
            type="button"
            className="nbprod-IconButton"
            disabled={!canRun}
            title={trans.__('Run from here: %1 and all after it anew', name)}
            aria-label={trans.__('Run from %1', name)}
            onClick={() => execute(CommandIDs.runFrom, { task: name })}
          >
            <fastForwardIcon.react tag="span" width="14px" height="14px" />
          </button>
          <button
            type="button"
            className="nbprod-IconButton"
            disabled={!canRun}
            title={trans.__('Run only %1 and what it needs', name)}
            aria-label={trans.__('Run only %1', name)}
            onClick={() => execute(CommandIDs.runOnly, { task: name })}
          >
            <runIcon.react tag="span" width="14px" height="14px" />
          </button>
        </span>
      </div>
      {isRunning && state.cell !== null ? (
        <div className="nbprod-RunTasks-cell">
          <button
            type="button"
            className="nbprod-Link"
            onClick={() => execute(CommandIDs.goToCell, { number: state.cell ?? 0 })}
          >
            {trans.__('cell %1', state.cell)}
          </button>
          <progress
            className="nbprod-Progress"
            aria-label={trans.__('Cells of %1', name)}
            value={state.done}
            max={state.total || 1}
          />
        </div>
      ) : null}
      {state?.reason && !isRunning ? (
        <div className="nbprod-Note" title={state.reason}>
          {['done', 'failed'].includes(state.state)
            ? trans.__('why: %1', state.reason)
            : state.reason}
        </div>
      ) : null}
    </li>
  );
}
