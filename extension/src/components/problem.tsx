import * as React from 'react';

import { ApiError } from '../api';
import type { JSX } from '../tokens';
import type { Problem } from '../types';

interface IProblemProps {
  readonly problem: Problem;
  /** Buttons, for what can be done about it. */
  readonly children?: React.ReactNode;
}

/** What is wrong, where, and what to do. */
export function ProblemBox({ problem, children }: IProblemProps): JSX.Element {
  const where = [
    problem.file,
    problem.task && `task ${problem.task}`,
    problem.cell && `cell ${problem.cell}`,
    problem.line && `line ${problem.line}`
  ].filter(Boolean);
  return (
    <div className="nbprod-Problem" role="alert">
      {where.length ? <div className="nbprod-Problem-where">{where.join(', ')}</div> : null}
      <div className="nbprod-Problem-what">{problem.what || problem.message}</div>
      {problem.fix ? <div className="nbprod-Problem-fix">{problem.fix}</div> : null}
      {children ? <div className="nbprod-Problem-actions">{children}</div> : null}
    </div>
  );
}

/** Any thrown thing as a problem. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) {
    return error.problem;
  }
  const message = error instanceof Error ? error.message : String(error);
  return { message, what: message, fix: null, file: null, task: null, cell: null, line: null };
}
