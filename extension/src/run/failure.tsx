import type { CommandRegistry } from '@lumino/commands';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Action } from '../components/action';
import { CommandIDs } from '../tokens';
import type { JSX } from '../tokens';
import type { Problem } from '../types';
import { plainText } from './text';

interface IFailureProps {
  readonly task: string;
  readonly problem: Problem;
  /** The run, once it is recorded. */
  readonly run: string | null;
  readonly commands: CommandRegistry;
  readonly trans: TranslationBundle;
}

/** A task that failed: what it says, and the ways to look into it. */
export function Failure({ task, problem, run, commands, trans }: IFailureProps): JSX.Element {
  const { cell, line, fix } = problem;
  const where =
    cell === null
      ? task
      : line === null
        ? trans.__('%1, cell %2', task, cell)
        : trans.__('%1, cell %2, line %3', task, cell, line);
  const at = cell === null ? {} : { number: cell, line: line ?? 1, failed: true };
  return (
    <div className="nbprod-Problem" role="alert">
      <div className="nbprod-Problem-where">{where}</div>
      <div className="nbprod-Problem-what nbprod-Failure-text">
        {plainText(problem.what || problem.message)}
      </div>
      {fix ? <div className="nbprod-Problem-fix">{plainText(fix)}</div> : null}
      <div className="nbprod-Problem-actions">
        {cell === null ? null : (
          <Action commands={commands} id={CommandIDs.goToCell} args={at} isMain />
        )}
        {run === null ? null : (
          <>
            <Action commands={commands} id={CommandIDs.openExecuted} args={{ run, task }} />
            <Action commands={commands} id={CommandIDs.explore} args={{ run, task }} />
          </>
        )}
      </div>
      <span className="nbprod-mod-unseen">{trans.__('Task %1 failed', task)}</span>
    </div>
  );
}
