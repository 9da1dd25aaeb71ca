import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { Status } from '../components/status';
import { duration } from '../format';
import { CommandIDs } from '../tokens';
import type { JSX } from '../tokens';
import type { TaskRun } from '../types';

interface ITasksProps {
  readonly run: string;
  readonly tasks: readonly TaskRun[];
  readonly commands: CommandRegistry;
  readonly trans: TranslationBundle;
}

/** The tasks of a run: how each ended, why it ran or not, and what can be opened of it. */
export function TaskTable({ run, tasks, commands, trans }: ITasksProps): JSX.Element {
  if (!tasks.length) {
    return <p>{trans.__('No task has begun.')}</p>;
  }
  return (
    <ul className="nbprod-Tasks">
      {tasks.map(one => (
        <li key={one.task} className="nbprod-Tasks-task">
          <div className="nbprod-Tasks-head">
            <code className="nbprod-Tasks-name">{one.task}</code>
            <Status
              state={one.status}
              trans={trans}
              detail={one.seconds === null ? undefined : duration(one.seconds)}
            />
          </div>
          <div className="nbprod-Tasks-reason">{one.reason}</div>
          {one.error ? <div className="nbprod-Tasks-error">{one.error.what}</div> : null}
          <div className="nbprod-Actions">
            {one.has_notebook ? (
              <button
                type="button"
                className="nbprod-Link"
                aria-label={trans.__('Open the executed cells of %1', one.task)}
                onClick={() =>
                  void commands.execute(CommandIDs.openExecuted, { run, task: one.task })
                }
              >
                {trans.__('executed cells')}
              </button>
            ) : null}
            <button
              type="button"
              className="nbprod-Link"
              aria-label={trans.__('Explore %1', one.task)}
              title={trans.__('A notebook in which the inputs of this task are loaded')}
              onClick={() => void commands.execute(CommandIDs.explore, { run, task: one.task })}
            >
              {trans.__('explore')}
            </button>
          </div>
        </li>
      ))}
    </ul>
  );
}
